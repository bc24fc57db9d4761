"""OpenAI's Python client on upstreams of any dialect. Usage: openai_anywhere.py BASE_URL SCENARIO:UPSTREAM..."""

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
from openai.types.responses import ResponseStreamEvent
from pydantic import BaseModel, TypeAdapter
from scenarios import KEY, base_url, raises, run, scenario, tell, wait_for_the_test

client = openai.OpenAI(
    base_url=f"{base_url()}/v1",
    api_key=KEY,
    max_retries=0,
    timeout=30,
    # Each answer and each event must be what the client's own types say.
    _strict_response_validation=True,
)
CHAT_TOOLS = [
    {"type": "function", "function": {"name": name, "description": name, "parameters": schema}}
    for name, schema in SCHEMAS.items()
]
STRICT_CHAT_TOOLS = [
    {"type": "function", "function": {**tool["function"], "strict": True}} for tool in CHAT_TOOLS
]
RESPONSES_TOOLS = [
    {
        "type": "function",
        "name": name,
        "description": name,
        "parameters": schema,
        "strict": True,
    }
    for name, schema in SCHEMAS.items()
]
EVENT = TypeAdapter(ResponseStreamEvent)
THINKING = {"effort": "high", "summary": "auto"}


class Place(BaseModel):
    city: str
    days: int


# Chat Completions


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


# Responses


def responses_usage(usage, thinks=False):
    counts = (usage.input_tokens, usage.output_tokens, usage.total_tokens)
    assert counts == (READ, WRITTEN, READ + WRITTEN), usage
    assert usage.input_tokens_details.cached_tokens == CACHED, usage
    if thinks:
        assert usage.output_tokens_details.reasoning_tokens == THOUGHT_TOKENS, usage


@scenario
def responses(upstream):
    answer = client.responses.create(model=MODELS[upstream], input="Say hello.")
    assert (answer.output_text, answer.status) == (HELLO, "completed"), answer
    responses_usage(answer.usage)


@scenario
def responses_stream(upstream):
    events = list(
        client.responses.create(
            model=MODELS[upstream], input="Say hello.", instructions="Be brief.", stream=True
        )
    )
    check_events(events)
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == HELLO and len(deltas) > 1, deltas
    final = events[-1].response
    assert (final.output_text, final.status) == (HELLO, "completed"), final
    responses_usage(final.usage)


def check_events(events):
    """Each event is of its type, numbered in order, and belongs to an item that is open."""
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"], kinds
    assert kinds[-1] == "response.completed", kinds
    assert [event.sequence_number for event in events] == list(range(len(events))), events
    # Items may overlap, as the calls of a chat may.
    opened, done = {}, {}
    for event in events:
        checked = EVENT.validate_python(event.to_dict())
        assert type(checked) is type(event), (checked, event)
        if event.type == "response.output_item.added":
            assert event.output_index == len(opened), event
            opened[event.output_index] = event.item.id
        elif event.type == "response.output_item.done":
            assert opened[event.output_index] == event.item.id, event
            assert event.output_index not in done, event
            done[event.output_index] = event.item.to_dict()
        elif hasattr(event, "item_id"):
            assert opened[event.output_index] == event.item_id, event
            assert event.output_index not in done, event
    final = events[-1].response
    output = dict(enumerate(item.to_dict() for item in final.output))
    assert done == output, (done, output)
    assert len({event.response.id for event in events if hasattr(event, "response")}) == 1


@scenario
def responses_loop(upstream):
    responses_agent(responses_turn(upstream))


@scenario
def responses_loop_stream(upstream):
    responses_agent(streamed_responses_turn(upstream))


@scenario
def responses_thinks(upstream):
    turn = responses_turn(upstream, reasoning=THINKING, include=["reasoning.encrypted_content"])
    responses_agent(turn, thinks=True)


@scenario
def responses_thinks_stream(upstream):
    turn = streamed_responses_turn(
        upstream, reasoning=THINKING, include=["reasoning.encrypted_content"]
    )
    responses_agent(turn, thinks=True)


def responses_turn(upstream, **more):
    def turn(items):
        answer = client.responses.create(
            model=MODELS[upstream], input=items, tools=RESPONSES_TOOLS, store=False, **more
        )
        responses_usage(answer.usage, thinks="reasoning" in more)
        return answer

    return turn


def streamed_responses_turn(upstream, **more):
    def turn(items):
        events = list(
            client.responses.create(
                model=MODELS[upstream],
                input=items,
                tools=RESPONSES_TOOLS,
                store=False,
                stream=True,
                **more,
            )
        )
        check_events(events)
        kinds = [event.type for event in events]
        if "reasoning" in more:
            thought = [e for e in events if e.type.endswith("summary_text.delta")]
            assert "".join(event.delta for event in thought) == THOUGHT, kinds
        return events[-1].response

    return turn


def responses_agent(turn, thinks=False):
    """Hands the model's items back as they came, until it calls no tool any more."""
    items, run = list(ASK), Tools()
    while True:
        answer = turn(items)
        if thinks:
            [thought, *_] = answer.output
            assert thought.type == "reasoning", answer
            assert "".join(part.text for part in thought.summary) == THOUGHT, answer
        calls = [item for item in answer.output if item.type == "function_call"]
        items += answer.output
        if not calls:
            break
        assert answer.output_text == "Let me look.", answer
        outputs = []
        for call in calls:
            result = run.run(call.name, json.loads(call.arguments))
            outputs.append(
                {"type": "function_call_output", "call_id": call.call_id, "output": result}
            )
        # Which output is whose is told by the identities, not by the order.
        items += reversed(outputs)
    assert answer.output_text == ANSWER, answer
    run.check()


@scenario
def responses_wanders(upstream):
    """Each turn goes to another upstream than the one before, the thoughts of all in its hands."""
    others = [upstream, *(name for name in MODELS if name != upstream)]
    turns = iter(others * 2)

    def turn(items):
        return client.responses.create(
            model=MODELS[next(turns)],
            input=items,
            tools=RESPONSES_TOOLS,
            store=False,
            reasoning=THINKING,
            include=["reasoning.encrypted_content"],
        )

    responses_agent(turn)


@scenario
def responses_custom(upstream):
    """A tool that takes free text, and tools of OpenAI's own that others do not have."""
    tools = [
        {"type": "custom", "name": "note", "description": "Writes a note."},
        {"type": "web_search"},
    ]
    stream = client.responses.create(
        model=f"{MODELS[upstream]}-noting", input="Note it.", tools=tools, stream=True
    )
    events = list(stream)
    check_events(events)
    [call] = (i for i in events[-1].response.output if i.type == "custom_tool_call")
    assert (call.name, call.input) == ("note", 'line 1\n"line" 2 🏔'), call
    items = [
        {"role": "user", "content": "Note it."},
        *events[-1].response.output,
        {"type": "custom_tool_call_output", "call_id": call.call_id, "output": "noted"},
    ]
    answer = client.responses.create(
        model=f"{MODELS[upstream]}-noting", input=items, tools=tools
    )
    assert answer.output_text == "The tools say: noted.", answer


@scenario
def responses_parse(upstream):
    answer = client.responses.parse(
        model=MODELS[upstream], input="Say hello.", text_format=Place
    )
    assert answer.output_parsed == Place(city="Paris", days=1), answer


@scenario
def responses_parse_stream(upstream):
    with client.responses.stream(
        model=MODELS[upstream], input="Say hello.", text_format=Place
    ) as stream:
        answer = stream.get_final_response()
    assert answer.output_parsed == Place(city="Paris", days=1), answer


@scenario
def responses_image(upstream):
    image = {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "auto"}
    words = {"type": "input_text", "text": "What is this?"}
    answer = client.responses.create(
        model=MODELS[upstream], input=[{"role": "user", "content": [words, image]}]
    )
    assert answer.output_text == "I see image/png.", answer


@scenario
def responses_settings(upstream):
    """Everything that an application may set, at once; what the upstream lacks is left out."""
    answer = client.responses.create(
        model=MODELS[upstream],
        instructions="Be brief.",
        input=[
            {"role": "developer", "content": "Be kind."},
            {"role": "user", "content": "Hello"},
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": "Hi.", "annotations": []}],
            },
            {"role": "user", "content": [{"type": "input_text", "text": "Say hello."}]},
            {"role": "system", "content": "In English."},
        ],
        max_output_tokens=500,
        metadata={"team": "a"},
        parallel_tool_calls=True,
        prompt_cache_key="k",
        reasoning={"effort": "minimal"},
        safety_identifier="someone",
        service_tier="auto",
        temperature=0.3,
        text={"verbosity": "low"},
        tool_choice="auto",
        tools=[],
        top_logprobs=2,
        top_p=0.9,
        truncation="auto",
    )
    assert answer.output_text == HELLO, answer
    # What was asked is repeated.
    assert answer.instructions == "Be brief." and answer.metadata == {"team": "a"}, answer


@scenario
def responses_choice(upstream):
    """One of the tools, or one call at a time."""
    allowed = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "clock"}]}
    for more in ({"tool_choice": {"type": "function", "name": "clock"}}, {"tool_choice": allowed}):
        answer = client.responses.create(
            model=MODELS[upstream], input=ASK, tools=RESPONSES_TOOLS, **more
        )
        calls = [item.name for item in answer.output if item.type == "function_call"]
        assert calls == ["clock"], (more, answer)


@scenario
def responses_file(upstream):
    data = f"data:application/pdf;base64,{DOCUMENT}"
    parts = [
        {"type": "input_file", "filename": "a.pdf", "file_data": data},
        {"type": "input_text", "text": "What is this?"},
    ]
    answer = client.responses.create(
        model=MODELS[upstream], input=[{"role": "user", "content": parts}]
    )
    assert answer.output_text == "I see application/pdf.", answer


@scenario
def responses_remembered(upstream):
    """The gateway keeps what was said, and tells the next upstream, even one that could keep it."""
    other = next(name for name in MODELS if name not in (upstream, "responses"))
    turns = iter([upstream, other, "responses"])

    def turn(items, **previous):
        return client.responses.create(
            model=MODELS[next(turns)],
            input=items,
            tools=RESPONSES_TOOLS,
            reasoning=THINKING,
            **previous,
        )

    remembering_agent(turn)


@scenario
def responses_remembered_stream(upstream):
    answers = []

    def turn(items, **previous):
        events = list(
            client.responses.create(
                model=MODELS[upstream],
                input=items,
                tools=RESPONSES_TOOLS,
                stream=True,
                **previous,
            )
        )
        check_events(events)
        answers.append(events[-1].response)
        return answers[-1]

    remembering_agent(turn)
    first, second, _ = answers
    assert client.responses.retrieve(first.id).to_dict() == first.to_dict()
    told = list(client.responses.input_items.list(second.id, order="asc", limit=2))
    kinds = [item.type for item in told if hasattr(item, "type")]
    assert kinds.count("function_call_output") == 2, told
    assert len(told) == len(ASK) + len(first.output) + 2, told
    client.responses.delete(first.id)
    raises(openai.NotFoundError, lambda: client.responses.retrieve(first.id))
    client.responses.retrieve(second.id)


def remembering_agent(turn):
    """Tells nothing twice, until the model calls no tool any more."""
    run, answer = Tools(), turn(ASK)
    while calls := [item for item in answer.output if item.type == "function_call"]:
        outputs = []
        for call in calls:
            result = run.run(call.name, json.loads(call.arguments))
            outputs.append(
                {"type": "function_call_output", "call_id": call.call_id, "output": result}
            )
        answer = turn(outputs, previous_response_id=answer.id)
    assert answer.output_text == ANSWER, answer
    run.check()


@scenario
def responses_stateful(upstream):
    """What only the provider that stored it could know is refused, not ignored."""
    error = raises(
        openai.BadRequestError,
        lambda: client.responses.create(
            model=MODELS[upstream], input="And now?", previous_response_id="resp_1"
        ),
    )
    assert error.code == "previous_response_not_found", error.body
    assert error.param == "previous_response_id", error.body


# What goes wrong


def both(upstream, fault, **more):
    """A chat and a response of a model that has this fault."""
    model = f"{MODELS[upstream]}-{fault}"
    yield lambda: client.chat.completions.create(model=model, messages=SAY_HELLO, **more)
    yield lambda: client.responses.create(model=model, input="Say hello.", **more)


@scenario
def finishes(upstream):
    """Why the model stopped, in the client's words."""
    for fault, finish, reason in (
        ("short", "length", "max_output_tokens"),
        ("filtered", "content_filter", "content_filter"),
    ):
        chat, response = (call() for call in both(upstream, fault))
        assert chat.choices[0].finish_reason == finish, chat
        assert (response.status, response.incomplete_details.reason) == ("incomplete", reason), response
        chat, response = (list(call()) for call in both(upstream, fault, stream=True))
        assert [c.choices[0].finish_reason for c in chat if c.choices][-1] == finish, chat
        assert response[-1].type == "response.incomplete", response[-1]
        assert response[-1].response.incomplete_details.reason == reason, response[-1]


@scenario
def limited(upstream):
    for call in (*both(upstream, "limited"), *both(upstream, "limited", stream=True)):
        error = raises(openai.RateLimitError, call)
        assert error.response.headers["retry-after"] == "7", error.response.headers
        assert error.body["message"], error.body


@scenario
def broken(upstream):
    for call in both(upstream, "broken"):
        raises(openai.InternalServerError, call)


@scenario
def refused(upstream):
    """What the provider refuses is the caller's to mend."""
    for call in both(upstream, "refused"):
        error = raises(openai.BadRequestError, call)
        assert "far too many notes" in str(error), error


@scenario
def torn(upstream):
    """No stream that lacks its end looks complete."""
    for fault in ("cut", "fails"):
        for call in both(upstream, fault, stream=True):
            stream = call()
            raises(openai.APIError, lambda stream=stream: list(stream))


# Ways through the gateway


@scenario
def losses(upstream):
    """What did not reach the upstream is told, and refused if nothing may be lost."""
    call = {"model": MODELS[upstream], "messages": SAY_HELLO}
    raw = client.chat.completions.with_raw_response
    told = raw.create(**call, logit_bias={"50256": -100}).headers["x-orchestra-losses"]
    assert "logit_bias=dropped" in told, told
    strict = {"x-orchestra-strict": "true"}
    error = raises(
        openai.BadRequestError,
        lambda: raw.create(**call, logit_bias={"50256": -100}, extra_headers=strict),
    )
    assert "logit_bias" in str(error), error
    # A plain call loses nothing. Some vendors want a limit, which else is made up for them.
    answer = raw.create(**call, max_completion_tokens=100, extra_headers=strict)
    assert answer.parse().choices[0].message.content == HELLO, answer


@scenario
def falls_back(upstream):
    """An alias whose first target, of another dialect, fails before its first words."""
    for fault in ("broken", "gone"):
        model = f"{fault}-then-{upstream}"
        answer = client.chat.completions.with_raw_response.create(model=model, messages=SAY_HELLO)
        assert answer.parse().choices[0].message.content == HELLO, answer
        assert answer.headers["x-orchestra-attempts"] == "2", answer.headers
        stream = client.responses.create(model=model, input="Say hello.", stream=True)
        assert list(stream)[-1].response.output_text == HELLO, stream


@scenario
def leave(upstream):
    with client.chat.completions.create(
        model=f"{MODELS[upstream]}-endless", messages=SAY_HELLO, stream=True
    ) as stream:
        for _, _chunk in zip(range(5), stream):
            pass
        tell(leaving=True)
    wait_for_the_test()


run()
