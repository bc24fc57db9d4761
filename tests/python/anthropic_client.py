"""Anthropic's Python client at the gateway. Usage: anthropic_client.py BASE_URL SCENARIO..."""

import asyncio

import anthropic
from scenarios import (
    CITY,
    CITY_ARGUMENTS,
    HELLO,
    INPUT_TOKENS,
    KEY,
    OUTPUT_TOKENS,
    PARALLEL,
    RECOVER,
    TALE,
    base_url,
    raises,
    run,
    scenario,
    tell,
    wait_for_the_test,
)

ROOT = base_url()
client = anthropic.Anthropic(base_url=ROOT, api_key=KEY, max_retries=0, timeout=30)
PLAIN = "claude-plain"
SAY_HELLO = [{"role": "user", "content": "Say hello."}]
TOOL = {"name": "weather", "input_schema": CITY}


def ask(model=PLAIN, **more):
    return client.messages.create(model=model, messages=SAY_HELLO, max_tokens=100, **more)


def listen(model=PLAIN, **more):
    return client.messages.stream(model=model, messages=SAY_HELLO, max_tokens=100, **more)


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


# Answers


@scenario
def messages():
    answer = ask()
    assert text_of(answer) == HELLO, answer
    assert answer.stop_reason == "end_turn", answer
    usage = answer.usage
    assert (usage.input_tokens, usage.output_tokens) == (INPUT_TOKENS, OUTPUT_TOKENS), usage


@scenario
def count_tokens():
    counted = client.messages.count_tokens(model=PLAIN, messages=SAY_HELLO)
    assert counted.input_tokens > 0, counted


@scenario
def models():
    names = [model.id for model in client.models.list()]
    assert PLAIN in names and "everyday" in names, names
    model = client.models.retrieve(PLAIN)
    assert (model.id, model.type) == (PLAIN, "model"), model
    raises(anthropic.NotFoundError, lambda: client.models.retrieve("everydy"))


@scenario
def alias():
    assert text_of(ask("everyday")) == HELLO
    assert text_of(ask("anthropic/claude-plain")) == HELLO


# Streams


@scenario
def messages_stream():
    with listen() as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()
    assert "".join(pieces) == HELLO == text_of(final), (pieces, final)
    assert len(pieces) > 1, pieces
    assert final.stop_reason == "end_turn", final
    usage = final.usage
    assert (usage.input_tokens, usage.output_tokens) == (INPUT_TOKENS, OUTPUT_TOKENS), usage


@scenario
def raw_stream():
    kinds = [event.type for event in ask(stream=True)]
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop"), kinds


@scenario
def tools():
    for answer in (ask(tools=[TOOL]), listen(tools=[TOOL]).__enter__().get_final_message()):
        call = next(block for block in answer.content if block.type == "tool_use")
        assert (call.name, call.input) == ("weather", CITY_ARGUMENTS), answer
        assert answer.stop_reason == "tool_use", answer


# Keys


@scenario
def either_header():
    bearer = anthropic.Anthropic(base_url=ROOT, auth_token=KEY, max_retries=0)
    headers = {"x-api-key": KEY, "authorization": anthropic.Omit()}
    header = anthropic.Anthropic(base_url=ROOT, default_headers=headers, max_retries=0)
    for other in (bearer, header):
        answer = other.messages.create(model=PLAIN, messages=SAY_HELLO, max_tokens=100)
        assert text_of(answer) == HELLO, answer


@scenario
def wrong_key():
    stranger = client.with_options(api_key="a-key-that-nobody-gave-out")
    error = raises(
        anthropic.AuthenticationError,
        lambda: stranger.messages.create(model=PLAIN, messages=SAY_HELLO, max_tokens=100),
    )
    assert error.body["error"]["type"] == "authentication_error", error.body
    raises(anthropic.AuthenticationError, lambda: stranger.models.list())


# Errors


@scenario
def unknown_model():
    error = raises(anthropic.NotFoundError, lambda: ask("everydy"))
    assert "everyday" in str(error), error
    assert error.body["error"]["type"] == "not_found_error", error.body


@scenario
def missing_messages():
    body = {"model": PLAIN, "max_tokens": 100}
    error = raises(
        anthropic.BadRequestError,
        lambda: client.post("/v1/messages", body=body, cast_to=object),
    )
    assert "messages" in str(error), error


@scenario
def limited():
    error = raises(anthropic.RateLimitError, lambda: ask("claude-limited"))
    assert error.response.headers["retry-after"] == "1", error.response.headers


@scenario
def broken():
    assert raises(anthropic.InternalServerError, lambda: ask("claude-broken")).status_code == 500


@scenario
def away():
    assert raises(anthropic.ServiceUnavailableError, lambda: ask("claude-away")).status_code == 503


@scenario
def overloaded():
    error = raises(anthropic.OverloadedError, lambda: ask("claude-overloaded"))
    assert error.status_code == 529, error


@scenario
def locked():
    error = raises(anthropic.AuthenticationError, lambda: ask("claude-locked"))
    shown = f"{error} {error.body} {dict(error.response.headers)}"
    assert "test-provider-key" not in shown and "the provider's own words" not in shown, shown


@scenario
def page():
    assert raises(anthropic.InternalServerError, lambda: ask("claude-page")).status_code == 502


@scenario
def gone():
    error = raises(anthropic.InternalServerError, lambda: ask("gone-anthropic/claude-plain"))
    assert error.status_code == 502 and "gone-anthropic" in str(error), error


@scenario
def silent():
    raises(anthropic.GatewayTimeoutError, lambda: ask("claude-silent"))
    raises(anthropic.GatewayTimeoutError, lambda: ask("claude-silent", stream=True))


# Streams that go wrong


@scenario
def torn():
    for how in ("cut", "reset", "stopped", "fails"):
        never_ends_well(f"claude-{how}")


def never_ends_well(model):
    stream = ask(model, stream=True)
    event = next(stream)
    try:
        for event in stream:
            pass
    except anthropic.APIError:
        return
    raise AssertionError(f"the stream of {model} seems to be whole; its last event was {event}")


@scenario
def torn_helper():
    with listen("claude-cut") as stream:
        raises(anthropic.APIError, stream.get_final_message)


# Streams that are gone on with


@scenario
def tale_raw():
    events = list(ask("claude-tale-raw", stream=True, extra_headers=RECOVER))
    deltas = [event.delta for event in events if event.type == "content_block_delta"]
    assert "".join(delta.text for delta in deltas) == TALE, events
    kinds = [event.type for event in events if event.type != "content_block_delta"]
    begin, end = ["message_start", "content_block_start"], ["content_block_stop", "message_delta", "message_stop"]
    assert kinds == begin + end, kinds


@scenario
def tale_helper():
    whole_tale("claude-tale-helper")


@scenario
def tale_late():
    whole_tale("claude-tale-late")


def whole_tale(model):
    with listen(model, extra_headers=RECOVER) as stream:
        final = stream.get_final_message()
    assert len(final.content) == 1 and text_of(final) == TALE, final
    assert final.stop_reason == "end_turn", final


@scenario
def tale_off():
    text = ""
    try:
        for event in ask("claude-tale-off", stream=True):
            if event.type == "content_block_delta":
                text += event.delta.text
    except anthropic.APIError:
        assert text and TALE.startswith(text) and text != TALE, text
        return
    raise AssertionError(f"a stream that died seems to be whole: {text}")


# Fallback


@scenario
def fallback():
    # Only a stream tells before its end that it will not come, or that it went wrong.
    for name in ("broken", "gone"):
        answer = client.messages.with_raw_response.create(
            model=f"claude-spare-{name}", messages=SAY_HELLO, max_tokens=100
        )
        assert text_of(answer.parse()) == HELLO, name
        assert answer.headers["x-orchestra-attempts"] == "2", (name, answer.headers)
    return {name: fallen_back(name) for name in ("broken", "gone", "silent", "fails-early")}


def fallen_back(name):
    """Streams from an alias whose first target fails, and tells who answered."""
    with listen(f"claude-spare-{name}") as stream:
        assert text_of(stream.get_final_message()) == HELLO, name
        headers = stream.response.headers
    assert headers["x-orchestra-attempts"] == "2", (name, headers)
    return headers["x-orchestra-provider"]


# Leaving, and coming in numbers


@scenario
def leave():
    with ask("claude-endless", stream=True) as stream:
        for _, _event in zip(range(5), stream):
            pass
        tell(leaving=True)
    wait_for_the_test()


@scenario
def outlive():
    """A stream that is under way when the server is told to stop."""
    with listen("claude-slow") as stream:
        pieces = stream.text_stream
        first = next(pieces)
        tell(streaming=True)
        return {"text": first + "".join(pieces)}


@scenario
def parallel():
    async def quoted(many, number):
        words = f"number {number}"
        call = {
            "model": "claude-quote",
            "messages": [{"role": "user", "content": words}],
            "max_tokens": 100,
        }
        if number % 2:
            answer = await many.messages.create(**call)
        else:
            async with many.messages.stream(**call) as stream:
                answer = await stream.get_final_message()
        assert text_of(answer) == f"You said: {words}", answer

    async def all_at_once():
        async with anthropic.AsyncAnthropic(base_url=ROOT, api_key=KEY, max_retries=0) as many:
            await asyncio.gather(*(quoted(many, number) for number in range(PARALLEL)))

    asyncio.run(all_at_once())


# The double that others wrote


@scenario
def double():
    greeting = [{"role": "user", "content": "hello gateway"}]
    expected = "Hello from the other double, word by word."
    call = {"model": PLAIN, "messages": greeting, "max_tokens": 100}
    answer = client.messages.create(**call)
    assert text_of(answer) == expected, answer
    with client.messages.stream(**call) as stream:
        final = stream.get_final_message()
    assert text_of(final) == expected, final
    assert final.stop_reason == "end_turn", final
    assert (final.usage.input_tokens, final.usage.output_tokens) == (5, 9), final


run()
