"""OpenAI's Python client with Chat Completions on upstreams that speak something else."""

import json

import openai

from anywhere import (
    ANSWER,
    ASK,
    CACHED,
    DOCUMENT,
    HELLO,
    MODELS,
    PIXEL,
    READ,
    SAY_HELLO,
    SCHEMAS,
    THOUGHT,
    THOUGHT_TOKENS,
    WRITTEN,
    Tools,
)
from anywhere_openai import Place, client
from scenarios import raises, scenario

CHAT_TOOLS = [
    {"type": "function", "function": {"name": name, "description": name, "parameters": schema}}
    for name, schema in SCHEMAS.items()
]
STRICT_CHAT_TOOLS = [
    {"type": "function", "function": {**tool["function"], "strict": True}} for tool in CHAT_TOOLS
]


def chat_usage(usage, thinks=False):
    counts = (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)
    assert counts == (READ, WRITTEN, READ + WRITTEN), usage
    assert usage.prompt_tokens_details.cached_tokens == CACHED, usage
    if thinks:
        assert usage.completion_tokens_details.reasoning_tokens == THOUGHT_TOKENS, usage


@scenario
def chat(upstream):
    answer = client.chat.completions.create(model=MODELS[upstream], messages=SAY_HELLO)
    [choice] = answer.choices
    assert (choice.message.content, choice.finish_reason) == (HELLO, "stop"), answer
    chat_usage(answer.usage)


@scenario
def chat_stream(upstream):
    stream = client.chat.completions.create(
        model=MODELS[upstream],
        messages=SAY_HELLO,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    said = [chunk.choices[0] for chunk in chunks if chunk.choices]
    text = "".join(choice.delta.content or "" for choice in said)
    assert text == HELLO, chunks
    assert sum(bool(choice.delta.content) for choice in said) > 1, chunks
    assert said[0].delta.role == "assistant", chunks
    assert [c.finish_reason for c in said if c.finish_reason] == ["stop"], chunks
    assert len({chunk.id for chunk in chunks}) == 1, chunks
    assert not chunks[-1].choices, chunks
    chat_usage(chunks[-1].usage)


@scenario
def chat_stream_without_usage(upstream):
    stream = client.chat.completions.create(
        model=MODELS[upstream], messages=SAY_HELLO, stream=True
    )
    chunks = list(stream)
    # What was not asked for is not there.
    assert all(chunk.choices and chunk.usage is None for chunk in chunks), chunks


@scenario
def chat_loop(upstream):
    def turn(messages, tools):
        answer = client.chat.completions.create(
            model=MODELS[upstream], messages=messages, tools=tools
        )
        chat_usage(answer.usage)
        return answer.choices[0]

    chat_agent(turn, CHAT_TOOLS)


@scenario
def chat_loop_stream(upstream):
    chat_agent(streamed_chat_turn(upstream), STRICT_CHAT_TOOLS)


@scenario
def chat_thinks(upstream):
    thoughts = []

    def turn(messages, tools):
        answer = client.chat.completions.create(
            model=MODELS[upstream], messages=messages, tools=tools, reasoning_effort="high"
        )
        chat_usage(answer.usage, thinks=True)
        thoughts.append(getattr(answer.choices[0].message, "reasoning_content", None))
        return answer.choices[0]

    chat_agent(turn, CHAT_TOOLS)
    # From Responses a chat asks for sealed thoughts only: it has no way to ask for a summary.
    thought = None if upstream == "responses" else THOUGHT
    assert thoughts == [thought] * 3, thoughts


@scenario
def chat_thinks_stream(upstream):
    chat_agent(streamed_chat_turn(upstream, reasoning_effort="high"), STRICT_CHAT_TOOLS)


@scenario
def chat_forgets(upstream):
    """A client that hands back nothing but the fields that OpenAI's own API has."""

    def turn(messages, tools):
        answer = client.chat.completions.create(
            model=MODELS[upstream], messages=messages, tools=tools, reasoning_effort="high"
        )
        [choice] = answer.choices
        for name in ("reasoning_content", "reasoning_details"):
            choice.message.__pydantic_extra__.pop(name, None)
            choice.message.__pydantic_fields_set__.discard(name)
        return choice

    chat_agent(turn, CHAT_TOOLS)


def streamed_chat_turn(upstream, **more):
    def turn(messages, tools):
        with client.chat.completions.stream(
            model=MODELS[upstream], messages=messages, tools=tools, **more
        ) as stream:
            pieces = sum(e.type == "tool_calls.function.arguments.delta" for e in stream)
            [choice] = stream.get_final_completion().choices
        # Gemini tells arguments whole.
        if choice.message.tool_calls and upstream != "gemini":
            assert pieces > len(choice.message.tool_calls), pieces
        return choice

    return turn


def chat_agent(turn, tools):
    """Hands the model's messages back as they came, until it calls no tool any more."""
    messages, run = list(ASK), Tools()
    while (choice := turn(messages, tools)).message.tool_calls:
        assert choice.finish_reason == "tool_calls", choice
        assert choice.message.content == "Let me look.", choice
        results = []
        for call in choice.message.tool_calls:
            result = run.run(call.function.name, json.loads(call.function.arguments))
            results.append({"role": "tool", "tool_call_id": call.id, "content": result})
        # Which result is whose is told by the identities, not by the order.
        messages += [choice.message, *reversed(results)]
    assert (choice.message.content, choice.finish_reason) == (ANSWER, "stop"), choice
    run.check()


@scenario
def chat_parse(upstream):
    answer = client.chat.completions.parse(
        model=MODELS[upstream], messages=SAY_HELLO, response_format=Place
    )
    assert answer.choices[0].message.parsed == Place(city="Paris", days=1), answer


@scenario
def chat_parse_stream(upstream):
    with client.chat.completions.stream(
        model=MODELS[upstream], messages=SAY_HELLO, response_format=Place
    ) as stream:
        answer = stream.get_final_completion()
    assert answer.choices[0].message.parsed == Place(city="Paris", days=1), answer


@scenario
def chat_choice(upstream):
    """One tool is asked for, and only one call."""
    answer = client.chat.completions.create(
        model=MODELS[upstream],
        messages=ASK,
        tools=CHAT_TOOLS,
        tool_choice={"type": "function", "function": {"name": "clock"}},
    )
    [call] = answer.choices[0].message.tool_calls
    assert call.function.name == "clock", answer
    answer = client.chat.completions.create(
        model=MODELS[upstream], messages=ASK, tools=CHAT_TOOLS, tool_choice="none"
    )
    assert not answer.choices[0].message.tool_calls, answer


@scenario
def chat_serial(upstream):
    answer = client.chat.completions.create(
        model=MODELS[upstream], messages=ASK, tools=CHAT_TOOLS, parallel_tool_calls=False
    )
    assert len(answer.choices[0].message.tool_calls) == 1, answer


@scenario
def chat_wanders(upstream):
    """Each turn goes to another upstream than the one before, the thoughts of all in its hands."""
    others = [upstream, *(name for name in MODELS if name != upstream)]
    turns = iter(others * 2)

    def turn(messages, tools):
        answer = client.chat.completions.create(
            model=MODELS[next(turns)], messages=messages, tools=tools, reasoning_effort="high"
        )
        return answer.choices[0]

    chat_agent(turn, CHAT_TOOLS)


@scenario
def chat_at_odds(upstream):
    """Settings that some vendors do not take together."""
    hot = {"reasoning_effort": "high", "temperature": 0.2, "top_p": 0.5}
    for more in (
        # Less than any budget for thinking.
        {"reasoning_effort": "high", "max_completion_tokens": 500},
        # Less than some vendors' least.
        {"max_completion_tokens": 5},
        {"max_tokens": 900, **hot},
        hot,
    ):
        answer = client.chat.completions.create(
            model=MODELS[upstream], messages=SAY_HELLO, **more
        )
        assert answer.choices[0].message.content == HELLO, (more, answer)
    forced = {"type": "function", "function": {"name": "clock"}}
    for choice in (forced, "required"):
        answer = client.chat.completions.create(
            model=MODELS[upstream],
            messages=ASK,
            tools=CHAT_TOOLS,
            tool_choice=choice,
            reasoning_effort="high",
        )
        assert answer.choices[0].message.tool_calls, (choice, answer)


@scenario
def chat_old_functions(upstream):
    """Functions as they were before there were tools: one call at a time, and without identity."""
    call = {
        "model": MODELS[upstream],
        "functions": [{"name": name, "parameters": schema} for name, schema in SCHEMAS.items()],
    }
    [choice] = client.chat.completions.create(messages=ASK, **call).choices
    assert choice.finish_reason == "function_call", choice
    assert choice.message.function_call.name == "weather", choice
    result = {"role": "function", "name": "weather", "content": "sun"}
    answer = client.chat.completions.create(
        messages=[*ASK, choice.message, result], function_call="none", **call
    )
    assert answer.choices[0].message.content == "The tools say: sun.", answer


@scenario
def chat_several(upstream):
    """What would change the meaning of the call is refused."""
    error = raises(
        openai.BadRequestError,
        lambda: client.chat.completions.create(
            model=MODELS[upstream], messages=SAY_HELLO, n=2
        ),
    )
    assert error.body["param"] == "n" or "n" in str(error).split(), error.body


@scenario
def chat_file(upstream):
    data = {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{DOCUMENT}"}
    parts = [{"type": "file", "file": data}, {"type": "text", "text": "What is this?"}]
    answer = client.chat.completions.create(
        model=MODELS[upstream], messages=[{"role": "user", "content": parts}]
    )
    assert answer.choices[0].message.content == "I see application/pdf.", answer


@scenario
def chat_image(upstream):
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    words = {"type": "text", "text": "What is this?"}
    answer = client.chat.completions.create(
        model=MODELS[upstream], messages=[{"role": "user", "content": [words, image]}]
    )
    assert answer.choices[0].message.content == "I see image/png.", answer


@scenario
def chat_settings(upstream):
    """Everything that an application may set, at once; what the upstream lacks is left out."""
    answer = client.chat.completions.create(
        model=MODELS[upstream],
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": "Be kind."},
            {"role": "user", "content": "Hello", "name": "ann"},
            {"role": "assistant", "content": "Hi."},
            {"role": "user", "content": "Say hello."},
            {"role": "user", "content": [{"type": "text", "text": "Now."}]},
            {"role": "system", "content": "In English."},
        ],
        max_completion_tokens=500,
        temperature=0.3,
        top_p=0.9,
        seed=7,
        frequency_penalty=0.1,
        presence_penalty=0.2,
        logit_bias={"50256": -100},
        prompt_cache_key="k",
        safety_identifier="someone",
        service_tier="auto",
        store=False,
        user="someone",
        verbosity="low",
    )
    assert answer.choices[0].message.content == HELLO, answer
