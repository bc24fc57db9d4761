"""OpenAI's Python client on upstreams of any dialect. Usage: openai_anywhere.py BASE_URL SCENARIO:UPSTREAM..."""

import asyncio

import openai

import anywhere_chat  # noqa: F401, its scenarios
import anywhere_responses  # noqa: F401, its scenarios
from anywhere import HELLO, MODELS, SAY_HELLO
from anywhere_openai import client
from scenarios import (
    KEY,
    PARALLEL,
    raises,
    run,
    scenario,
    tell,
    wait_for_the_test,
)

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
        assert error.response.headers["retry-after"] == "17", error.response.headers
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
def parallel(upstream):
    """Many calls at once, of both dialects, whole and streamed: each gets its own answer."""
    model = f"{MODELS[upstream]}-quote"

    async def quoted(many, number):
        words = f"number {number}"
        chat = {"model": model, "messages": [{"role": "user", "content": words}]}
        if number % 4 == 0:
            answer = await many.chat.completions.create(**chat)
            text = answer.choices[0].message.content
        elif number % 4 == 1:
            stream = await many.chat.completions.create(**chat, stream=True)
            chunks = [chunk async for chunk in stream]
            text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        elif number % 4 == 2:
            text = (await many.responses.create(model=model, input=words)).output_text
        else:
            stream = await many.responses.create(model=model, input=words, stream=True)
            text = [event async for event in stream][-1].response.output_text
        assert text == f"You said: {words}", text

    async def all_at_once():
        options = {"base_url": client.base_url, "api_key": KEY, "max_retries": 0}
        async with openai.AsyncOpenAI(**options) as many:
            await asyncio.gather(*(quoted(many, number) for number in range(PARALLEL)))

    asyncio.run(all_at_once())


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
