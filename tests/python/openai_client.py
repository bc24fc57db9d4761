"""OpenAI's Python client at the gateway. Usage: openai_client.py BASE_URL SCENARIO..."""

import asyncio
import json

import openai
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
client = openai.OpenAI(base_url=f"{ROOT}/v1", api_key=KEY, max_retries=0, timeout=30)
PLAIN = "gpt-plain"
SAY_HELLO = [{"role": "user", "content": "Say hello."}]
CHAT_TOOL = {"type": "function", "function": {"name": "weather", "parameters": CITY}}
RESPONSES_TOOL = {"type": "function", "name": "weather", "parameters": CITY, "strict": False}


def ask(model=PLAIN, **more):
    return client.chat.completions.create(model=model, messages=SAY_HELLO, **more)


def chat_text(stream):
    return "".join(c.choices[0].delta.content or "" for c in stream if c.choices)


# Answers


@scenario
def chat():
    answer = ask()
    assert answer.choices[0].message.content == HELLO, answer
    assert answer.choices[0].finish_reason == "stop", answer
    usage = answer.usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (INPUT_TOKENS, OUTPUT_TOKENS), usage


@scenario
def responses():
    answer = client.responses.create(model=PLAIN, input="Say hello.")
    assert answer.output_text == HELLO, answer
    assert answer.status == "completed", answer
    usage = answer.usage
    assert (usage.input_tokens, usage.output_tokens) == (INPUT_TOKENS, OUTPUT_TOKENS), usage


@scenario
def completions():
    answer = client.completions.create(model=PLAIN, prompt="Say hello.")
    assert answer.choices[0].text == HELLO, answer
    assert answer.choices[0].finish_reason == "stop", answer
    assert answer.usage.completion_tokens == OUTPUT_TOKENS, answer


@scenario
def embeddings():
    # The client asks for base64 by itself and decodes it.
    model, texts = "text-embedding-plain", ["one", "two"]
    packed = client.embeddings.create(model=model, input=texts)
    plain = client.embeddings.create(model=model, input=texts, encoding_format="float")
    assert [len(item.embedding) for item in packed.data] == [256, 256], packed
    for one, other in zip(packed.data, plain.data, strict=True):
        assert one.index == other.index
        apart = max(abs(a - b) for a, b in zip(one.embedding, other.embedding, strict=True))
        assert apart < 1e-6, apart
    assert packed.data[0].embedding != packed.data[1].embedding


@scenario
def embeddings_of_lists():
    answer = client.embeddings.create(model="text-embedding-lists", input="one")
    rounded = [round(number, 6) for number in answer.data[0].embedding]
    assert rounded == [1.0, -2.5, 0.125, 0.003], answer


@scenario
def models():
    names = [model.id for model in client.models.list()]
    assert PLAIN in names and "everyday" in names, names
    model = client.models.retrieve(PLAIN)
    assert (model.id, model.owned_by) == (PLAIN, "openai"), model
    # A list forgets new models; a name that leads somewhere is enough.
    assert client.models.retrieve("gpt-unlisted").id == "gpt-unlisted"
    raises(openai.NotFoundError, lambda: client.models.retrieve("everydy"))


@scenario
def alias():
    assert ask("everyday").choices[0].message.content == HELLO
    assert ask("openai/gpt-plain").choices[0].message.content == HELLO


# Streams


@scenario
def chat_stream():
    with ask(stream=True, stream_options={"include_usage": True}) as stream:
        chunks = list(stream)
    assert chat_text(chunks) == HELLO, chunks
    finishes = [c.choices[0].finish_reason for c in chunks if c.choices]
    assert finishes[-1] == "stop" and not any(finishes[:-1]), finishes
    usage = chunks[-1].usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (INPUT_TOKENS, OUTPUT_TOKENS), usage


@scenario
def chat_stream_helper():
    with client.chat.completions.stream(model=PLAIN, messages=SAY_HELLO) as stream:
        text = "".join(event.delta for event in stream if event.type == "content.delta")
        final = stream.get_final_completion()
    assert text == HELLO == final.choices[0].message.content, (text, final)
    # What was not asked for is not there.
    assert final.usage is None, final


@scenario
def responses_stream():
    with client.responses.stream(model=PLAIN, input="Say hello.") as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert "".join(deltas) == HELLO == final.output_text, (deltas, final)
    assert len(deltas) > 1, deltas
    assert final.usage.output_tokens == OUTPUT_TOKENS, final


@scenario
def completions_stream():
    stream = client.completions.create(model=PLAIN, prompt="Say hello.", stream=True)
    assert "".join(c.choices[0].text for c in stream if c.choices) == HELLO


@scenario
def chat_tools():
    call = ask(tools=[CHAT_TOOL]).choices[0].message.tool_calls[0].function
    assert (call.name, json.loads(call.arguments)) == ("weather", CITY_ARGUMENTS), call
    with client.chat.completions.stream(
        model=PLAIN, messages=SAY_HELLO, tools=[CHAT_TOOL]
    ) as stream:
        choice = stream.get_final_completion().choices[0]
    assert choice.finish_reason == "tool_calls", choice
    call = choice.message.tool_calls[0].function
    assert (call.name, json.loads(call.arguments)) == ("weather", CITY_ARGUMENTS), call


@scenario
def responses_tools():
    with client.responses.stream(
        model=PLAIN, input="Say hello.", tools=[RESPONSES_TOOL]
    ) as stream:
        pieces = [e.delta for e in stream if e.type == "response.function_call_arguments.delta"]
        final = stream.get_final_response()
    calls = [item for item in final.output if item.type == "function_call"]
    assert len(pieces) > 1 and json.loads("".join(pieces)) == CITY_ARGUMENTS, pieces
    assert json.loads(calls[0].arguments) == CITY_ARGUMENTS, final


# Keys


@scenario
def either_header():
    assert ask().choices[0].message.content == HELLO
    other = client.with_options(api_key="", default_headers={"x-api-key": KEY})
    answer = other.chat.completions.create(model=PLAIN, messages=SAY_HELLO)
    assert answer.choices[0].message.content == HELLO


@scenario
def wrong_key():
    stranger = client.with_options(api_key="a-key-that-nobody-gave-out")
    error = raises(
        openai.AuthenticationError,
        lambda: stranger.chat.completions.create(model=PLAIN, messages=SAY_HELLO),
    )
    assert error.code == "invalid_api_key", error.body
    raises(openai.AuthenticationError, lambda: stranger.models.list())


# Errors


@scenario
def unknown_model():
    error = raises(openai.NotFoundError, lambda: ask("everydy"))
    assert "everyday" in str(error), error
    assert error.code == "model_not_found", error.body


@scenario
def missing_messages():
    error = raises(
        openai.BadRequestError,
        lambda: client.post("/chat/completions", body={"model": PLAIN}, cast_to=object),
    )
    assert "messages" in str(error), error


@scenario
def limited():
    error = raises(openai.RateLimitError, lambda: ask("gpt-limited"))
    assert error.response.headers["retry-after"] == "1", error.response.headers


@scenario
def broken():
    assert raises(openai.InternalServerError, lambda: ask("gpt-broken")).status_code == 500


@scenario
def away():
    assert raises(openai.InternalServerError, lambda: ask("gpt-away")).status_code == 503


@scenario
def locked():
    error = raises(openai.AuthenticationError, lambda: ask("gpt-locked"))
    shown = f"{error} {error.body} {dict(error.response.headers)}"
    assert "test-provider-key" not in shown and "the provider's own words" not in shown, shown


@scenario
def page():
    assert raises(openai.InternalServerError, lambda: ask("gpt-page")).status_code == 502


@scenario
def gone():
    error = raises(openai.InternalServerError, lambda: ask("gone-openai/gpt-plain"))
    assert error.status_code == 502 and "gone-openai" in str(error), error


@scenario
def silent():
    for more in ({}, {"stream": True}):
        error = raises(openai.InternalServerError, lambda more=more: ask("gpt-silent", **more))
        assert error.status_code == 504, error


# Streams that go wrong


@scenario
def torn():
    for how in ("cut", "reset", "stopped", "fails"):
        never_ends_well(f"gpt-{how}")


def never_ends_well(model):
    start = {
        "chat": lambda: ask(model, stream=True),
        "responses": lambda: client.responses.create(model=model, input="Hi", stream=True),
        "completions": lambda: client.completions.create(model=model, prompt="Hi", stream=True),
    }
    for dialect, open_stream in start.items():
        stream = open_stream()
        event = next(stream)
        try:
            for event in stream:
                pass
        except openai.APIError:
            continue
        raise AssertionError(f"the {dialect} stream of {model} seems to be whole; its last event was {event}")


@scenario
def torn_helper():
    """Responses that break off do not become a final response either."""
    with client.responses.stream(model="gpt-cut", input="Say hello.") as stream:
        raises((openai.APIError, RuntimeError), stream.get_final_response)


# Streams that are gone on with


@scenario
def tale_raw():
    whole_tale("gpt-tale-raw")


@scenario
def tale_late():
    whole_tale("gpt-tale-late")


def whole_tale(model):
    usage = {"include_usage": True}
    with ask(model, stream=True, stream_options=usage, extra_headers=RECOVER) as stream:
        chunks = list(stream)
    assert chat_text(chunks) == TALE, chunks
    finishes = [c.choices[0].finish_reason for c in chunks if c.choices]
    assert finishes[-1] == "stop" and not any(finishes[:-1]), finishes
    assert len({(c.id, c.model) for c in chunks}) == 1, chunks
    assert chunks[-1].usage.completion_tokens > 0, chunks[-1]


@scenario
def tale_helper():
    with client.chat.completions.stream(
        model="gpt-tale-helper", messages=SAY_HELLO, extra_headers=RECOVER
    ) as stream:
        choice = stream.get_final_completion().choices[0]
    assert (choice.message.content, choice.finish_reason) == (TALE, "stop"), choice


@scenario
def tale_other():
    """The same in Responses, whose provider must not have kept the half of it."""
    with client.responses.stream(
        model="gpt-tale-other", input="Say hello.", store=False, extra_headers=RECOVER
    ) as stream:
        events = list(stream)
        final = stream.get_final_response()
    numbers = [event.sequence_number for event in events]
    assert numbers == sorted(set(numbers)), numbers
    assert (final.output_text, final.status) == (TALE, "completed"), final


@scenario
def tale_off():
    text = ""
    try:
        for chunk in ask("gpt-tale-off", stream=True):
            assert not chunk.choices[0].finish_reason, chunk
            text += chunk.choices[0].delta.content or ""
    except openai.APIError:
        assert text and TALE.startswith(text) and text != TALE, text
        return
    raise AssertionError(f"a stream that died seems to be whole: {text}")


# Fallback


@scenario
def fallback():
    # Only a stream tells before its end that it will not come, or that it went wrong.
    for name in ("broken", "gone"):
        answer = client.chat.completions.with_raw_response.create(
            model=f"gpt-spare-{name}", messages=SAY_HELLO
        )
        assert answer.parse().choices[0].message.content == HELLO, name
        assert answer.headers["x-orchestra-attempts"] == "2", (name, answer.headers)
    return {name: fallen_back(name) for name in ("broken", "gone", "silent", "fails-early")}


def fallen_back(name):
    """Streams from an alias whose first target fails, and tells who answered."""
    with client.chat.completions.with_streaming_response.create(
        model=f"gpt-spare-{name}", messages=SAY_HELLO, stream=True
    ) as answer:
        assert chat_text(answer.parse()) == HELLO, name
    assert answer.headers["x-orchestra-attempts"] == "2", (name, answer.headers)
    return answer.headers["x-orchestra-provider"]


# Leaving, and coming in numbers


@scenario
def leave():
    with ask("gpt-endless", stream=True) as stream:
        for _, _chunk in zip(range(5), stream):
            pass
        tell(leaving=True)
    wait_for_the_test()


@scenario
def outlive():
    """A stream that is under way when the server is told to stop."""
    stream = ask("gpt-slow", stream=True)
    first = next(stream).choices[0].delta.content or ""
    tell(streaming=True)
    return {"text": first + chat_text(stream)}


@scenario
def parallel():
    async def quoted(many, number):
        words = f"number {number}"
        messages = [{"role": "user", "content": words}]
        if number % 2:
            answer = await many.chat.completions.create(model="gpt-quote", messages=messages)
            text = answer.choices[0].message.content
        else:
            stream = await many.chat.completions.create(
                model="gpt-quote", messages=messages, stream=True
            )
            text = "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])
        assert text == f"You said: {words}", text

    async def all_at_once():
        async with openai.AsyncOpenAI(base_url=f"{ROOT}/v1", api_key=KEY, max_retries=0) as many:
            await asyncio.gather(*(quoted(many, number) for number in range(PARALLEL)))

    asyncio.run(all_at_once())


# What the gateway does not know is passed on


@scenario
def upload():
    own = client.with_options(base_url=f"{ROOT}/openai/v1")
    content = b"".join(b'{"line": %d}\n' % number for number in range(5_000))
    answer = own.files.with_raw_response.create(
        file=("batch.jsonl", content), purpose="batch"
    )
    received = json.loads(answer.text)
    sent = int(answer.http_request.headers["content-length"])
    assert (received["path"], received["method"]) == ("/v1/files", "POST"), received
    assert received["body_bytes"] == sent > len(content), (received, sent)
    return {"file_bytes": len(content)}


# The double that others wrote


@scenario
def double():
    messages = [{"role": "user", "content": "hello gateway"}]
    expected = "Hello from the other double, word by word."
    answer = client.chat.completions.create(model="gpt-plain", messages=messages)
    assert answer.choices[0].message.content == expected, answer
    stream = client.chat.completions.create(
        model="gpt-plain", messages=messages, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert chat_text(chunks) == expected, chunks
    assert chunks[-1].usage.total_tokens == 14, chunks[-1]
    with client.responses.stream(model="gpt-plain", input="hello gateway") as stream:
        assert stream.get_final_response().output_text == expected


run()
