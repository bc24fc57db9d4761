"""Anthropic's Python client on upstreams of any dialect. Usage: anthropic_anywhere.py BASE_URL SCENARIO:UPSTREAM..."""

import anthropic
from anthropic import beta_tool
from pydantic import BaseModel

from anywhere import (
    ANSWER,
    ASK,
    CACHED,
    DOCUMENT,
    HELLO,
    MODELS,
    PIXEL,
    QUESTION,
    READ,
    SAY_HELLO,
    SCHEMAS,
    THOUGHT,
    WRITTEN,
    Tools,
)
from scenarios import KEY, base_url, raises, run, scenario, tell, wait_for_the_test

client = anthropic.Anthropic(
    base_url=base_url(),
    api_key=KEY,
    max_retries=0,
    timeout=30,
    # Each answer and each event must be what the client's own types say.
    _strict_response_validation=True,
)
TOOLS = [
    {"name": name, "description": name, "input_schema": schema} for name, schema in SCHEMAS.items()
]
ADAPTIVE = {"type": "adaptive"}


class Place(BaseModel):
    city: str
    days: int


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


def check_usage(usage):
    # What was read from the cache is counted apart.
    counts = (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens)
    assert counts == (READ - CACHED, CACHED, WRITTEN), usage


def ask(upstream, **more):
    call = {"model": MODELS[upstream], "max_tokens": 4096, "messages": SAY_HELLO, **more}
    return client.messages.create(**call)


@scenario
def messages(upstream):
    answer = ask(upstream)
    assert (text_of(answer), answer.stop_reason) == (HELLO, "end_turn"), answer
    check_usage(answer.usage)


@scenario
def messages_stream(upstream):
    with client.messages.stream(
        model=MODELS[upstream], max_tokens=4096, messages=SAY_HELLO, system="Be brief."
    ) as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()
    assert "".join(pieces) == HELLO == text_of(final), (pieces, final)
    assert len(pieces) > 1, pieces
    assert final.stop_reason == "end_turn", final
    check_usage(final.usage)


@scenario
def raw_stream(upstream):
    """Blocks come one behind the other, each with its start and its stop."""
    thinking = ADAPTIVE if upstream != "budget" else {"type": "enabled", "budget_tokens": 2048}
    events = list(
        ask(upstream, messages=ASK, tools=TOOLS, thinking=thinking, stream=True)
    )
    kinds = [event.type for event in events if event.type != "ping"]
    assert kinds[0] == "message_start" and kinds[-2:] == ["message_delta", "message_stop"], kinds
    open_block, stopped = None, 0
    for event in events:
        if event.type == "content_block_start":
            assert open_block is None and event.index == stopped, event
            open_block = event.index
        elif event.type == "content_block_delta":
            assert open_block == event.index, event
        elif event.type == "content_block_stop":
            assert open_block == event.index, event
            open_block, stopped = None, stopped + 1
    # A text and two calls, and a thought where it is told.
    assert stopped >= 3, kinds


@scenario
def loop(upstream):
    agent(lambda messages: ask(upstream, messages=messages, tools=TOOLS))


@scenario
def loop_stream(upstream):
    def turn(messages):
        with client.messages.stream(
            model=MODELS[upstream], max_tokens=4096, messages=messages, tools=TOOLS
        ) as stream:
            pieces = sum(event.type == "input_json" for event in stream)
            final = stream.get_final_message()
        calls = sum(block.type == "tool_use" for block in final.content)
        if calls and upstream != "gemini":
            assert pieces > calls, pieces
        return final

    agent(turn)


@scenario
def thinks(upstream):
    agent(thinking_turn(upstream), thought=THOUGHT)


@scenario
def thinks_in_secret(upstream):
    """Where the provider keeps its thoughts to itself there are none, or sealed ones."""
    agent(thinking_turn(upstream))


def thinking_turn(upstream):
    def turn(messages):
        with client.messages.stream(
            model=MODELS[upstream],
            max_tokens=8192,
            messages=messages,
            tools=TOOLS,
            thinking={"type": "enabled", "budget_tokens": 4096},
        ) as stream:
            return stream.get_final_message()

    return turn


def agent(turn, thought=None):
    """Hands the model's blocks back as they came, until it calls no tool any more."""
    messages, run = list(ASK), Tools()
    while (answer := turn(messages)).stop_reason == "tool_use":
        assert text_of(answer) == "Let me look.", answer
        if thought:
            assert answer.content[0].type == "thinking", answer
            assert answer.content[0].thinking == thought, answer
        messages.append({"role": "assistant", "content": answer.content})
        results = [
            {
                "type": "tool_result",
                "tool_use_id": block.id,
                "content": run.run(block.name, block.input),
            }
            for block in answer.content
            if block.type == "tool_use"
        ]
        # Which result is whose is told by the identities, not by the order.
        messages.append({"role": "user", "content": results[::-1]})
    assert (text_of(answer), answer.stop_reason) == (ANSWER, "end_turn"), answer
    check_usage(answer.usage)
    run.check()


@scenario
def wanders(upstream):
    """Each turn goes to another upstream than the one before, the thoughts of all in its hands."""
    others = [upstream, *(name for name in MODELS if name != upstream)]
    turns = iter(others * 2)

    def turn(messages):
        return ask(
            next(turns),
            messages=messages,
            tools=TOOLS,
            # With a budget a model of Anthropic's would insist on its own thoughts in each turn.
            thinking=ADAPTIVE,
        )

    agent(turn)


@scenario
def tool_image(upstream):
    """A tool that returns a picture."""
    answer = ask(upstream, messages=ASK, tools=TOOLS)
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    content = [{"type": "text", "text": "a map"}, {"type": "image", "source": source}]
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": content}
        for block in answer.content
        if block.type == "tool_use"
    ]
    turns = [
        *ASK,
        {"role": "assistant", "content": answer.content},
        {"role": "user", "content": results},
    ]
    last = ask(upstream, messages=turns, tools=TOOLS, tool_choice={"type": "none"})
    assert text_of(last).startswith("The tools say: a map"), last


@scenario
def long_names(upstream):
    """A tool's name that is too long for other vendors comes back as it was."""
    name = "mcp__a_server_with_a_long_name__a_tool_with_a_name_that_is_even_longer_than_that"
    tools = [{"name": name, "input_schema": SCHEMAS["clock"]}]
    any_tool = {"type": "any"}
    answer = ask(upstream, messages=ASK, tools=tools, tool_choice=any_tool)
    [call] = (block for block in answer.content if block.type == "tool_use")
    assert call.name == name, answer
    turns = [
        *ASK,
        {"role": "assistant", "content": answer.content},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "noon"}],
        },
    ]
    last = ask(upstream, messages=turns, tools=tools, tool_choice={"type": "none"})
    assert text_of(last) == "The tools say: noon.", last


@scenario
def failed_tool(upstream):
    """A tool that failed, and one that returned nothing."""
    answer = ask(upstream, messages=ASK, tools=TOOLS)
    first, second = (block for block in answer.content if block.type == "tool_use")
    results = [
        {"type": "tool_result", "tool_use_id": first.id, "content": "no signal", "is_error": True},
        {"type": "tool_result", "tool_use_id": second.id},
        {"type": "text", "text": "Go on."},
    ]
    turns = [
        *ASK,
        {"role": "assistant", "content": answer.content},
        {"role": "user", "content": results},
    ]
    # The model would call again, but must not.
    last = ask(upstream, messages=turns, tools=TOOLS, tool_choice={"type": "none"})
    assert "no signal" in text_of(last), last


@scenario
def tool_runner(upstream):
    """The client's own loop, which first asks for a stored thread."""
    run = Tools()

    @beta_tool
    def weather(city: str, days: int) -> str:
        """The weather."""
        return run.run("weather", {"city": city, "days": days})

    @beta_tool
    def clock(zone: str) -> str:
        """The time."""
        return run.run("clock", {"zone": zone})

    for stream in (False, True):
        run.called.clear()
        runner = client.beta.messages.tool_runner(
            model=MODELS[upstream],
            max_tokens=4096,
            messages=[{"role": "user", "content": QUESTION}],
            tools=[weather, clock],
            stream=stream,
        )
        last = runner.until_done()
        assert text_of(last) == ANSWER, last
        run.check()


@scenario
def parse(upstream):
    answer = client.messages.parse(
        model=MODELS[upstream], max_tokens=4096, messages=SAY_HELLO, output_format=Place
    )
    assert answer.parsed_output == Place(city="Paris", days=1), answer


@scenario
def choice(upstream):
    answer = ask(
        upstream, messages=ASK, tools=TOOLS, tool_choice={"type": "tool", "name": "clock"}
    )
    [call] = (block for block in answer.content if block.type == "tool_use")
    assert call.name == "clock", answer


@scenario
def image(upstream):
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    blocks = [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]
    answer = ask(upstream, messages=[{"role": "user", "content": blocks}])
    assert text_of(answer) == "I see image/png.", answer


@scenario
def document(upstream):
    source = {"type": "base64", "media_type": "application/pdf", "data": DOCUMENT}
    blocks = [
        {"type": "document", "source": source, "title": "A paper"},
        {"type": "text", "text": "What is this?"},
    ]
    answer = ask(upstream, messages=[{"role": "user", "content": blocks}])
    assert text_of(answer) == "I see application/pdf.", answer


@scenario
def prefill(upstream):
    """The beginning of the answer is given."""
    turns = [*SAY_HELLO, {"role": "assistant", "content": "Hello from"}]
    answer = ask(upstream, messages=turns)
    assert text_of(answer) == HELLO, answer


@scenario
def older_version(upstream):
    """The version of the API that still has sampling parameters, and a tool of Anthropic's own."""
    older = client.with_options(default_headers={"anthropic-version": "2023-06-01"})
    answer = older.messages.create(
        model=MODELS[upstream],
        max_tokens=5,
        messages=SAY_HELLO,
        stop_sequences=[],
        tools=[{"type": "web_search_20250305", "name": "web_search"}],
        extra_body={"temperature": 0.3, "top_p": 0.9, "top_k": 5},
    )
    assert text_of(answer) == HELLO, answer


@scenario
def settings(upstream):
    """Everything that an application may set, at once; what the upstream lacks is left out."""
    mark = {"type": "ephemeral"}
    answer = ask(
        upstream,
        system=[
            {"type": "text", "text": "Be brief."},
            {"type": "text", "text": "Be kind.", "cache_control": mark},
        ],
        messages=[
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": [{"type": "text", "text": "Hi."}]},
            {
                "role": "user",
                "content": [{"type": "text", "text": "Say hello.", "cache_control": mark}],
            },
        ],
        metadata={"user_id": "someone"},
        service_tier="auto",
        tools=[],
    )
    assert text_of(answer) == HELLO, answer


@scenario
def count_tokens(upstream):
    counted = client.messages.count_tokens(
        model=MODELS[upstream], messages=ASK, tools=TOOLS, system="Be brief."
    )
    assert 20 < counted.input_tokens < 2000, counted


# What goes wrong


def faulty(upstream, fault, **more):
    model = f"{MODELS[upstream]}-{fault}"
    return client.messages.create(model=model, max_tokens=100, messages=SAY_HELLO, **more)


@scenario
def finishes(upstream):
    """Why the model stopped, in the client's words."""
    for fault, reason in (("short", "max_tokens"), ("filtered", "refusal")):
        answer = faulty(upstream, fault)
        assert answer.stop_reason == reason, answer
        *_, told, _end = faulty(upstream, fault, stream=True)
        assert told.delta.stop_reason == reason, told


@scenario
def limited(upstream):
    for more in ({}, {"stream": True}):
        error = raises(
            anthropic.RateLimitError, lambda more=more: faulty(upstream, "limited", **more)
        )
        assert error.response.headers["retry-after"] == "17", error.response.headers
        assert error.body["error"]["type"] == "rate_limit_error", error.body


@scenario
def broken(upstream):
    raises(anthropic.InternalServerError, lambda: faulty(upstream, "broken"))


@scenario
def refused(upstream):
    error = raises(anthropic.BadRequestError, lambda: faulty(upstream, "refused"))
    assert "far too many notes" in str(error), error


@scenario
def torn(upstream):
    for fault in ("cut", "fails"):
        stream = faulty(upstream, fault, stream=True)
        raises(anthropic.APIError, lambda stream=stream: list(stream))


# Ways through the gateway


@scenario
def falls_back(upstream):
    """An alias whose first target, of another dialect, fails before its first words."""
    for fault in ("broken", "gone"):
        with client.messages.stream(
            model=f"{fault}-then-{upstream}", max_tokens=100, messages=SAY_HELLO
        ) as stream:
            assert text_of(stream.get_final_message()) == HELLO, fault
            headers = stream.response.headers
        assert headers["x-orchestra-attempts"] == "2", (fault, headers)


@scenario
def leave(upstream):
    with client.messages.create(
        model=f"{MODELS[upstream]}-endless", max_tokens=100, messages=SAY_HELLO, stream=True
    ) as stream:
        for _, _event in zip(range(5), stream):
            pass
        tell(leaving=True)
    wait_for_the_test()


run()
