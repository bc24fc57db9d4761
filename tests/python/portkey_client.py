"""Portkey's Python client at the gateway. Usage: portkey_client.py BASE_URL SCENARIO..."""

import array
import base64
from functools import partial

import openai
from portkey_ai import Portkey, createHeaders
from portkey_ai import openai as inner  # What raises is the OpenAI client that Portkey's brings along.
from portkey_ai.api_resources import exceptions
from scenarios import HELLO, INPUT_TOKENS, KEY, OUTPUT_TOKENS, base_url, raises, run, scenario

URL = f"{base_url()}/v1"
PLAIN = "gpt-plain"
SAY_HELLO = [{"role": "user", "content": "Say hello."}]
#: An id that a caller gives its calls.
TRACE = "the-trace-of-the-test"


def portkey(**options):
    return Portkey(**{"base_url": URL, "api_key": KEY, **options})


def ask(client, **more):
    return client.chat.completions.create(messages=SAY_HELLO, **{"model": PLAIN, **more})


def asked(config, model=PLAIN, **options):
    """The headers of the good answer that a call with this config gets."""
    answer = ask(portkey(config=config, **options), model=model)
    assert answer.choices[0].message.content == HELLO, answer
    return answer.get_headers()


def chat_text(stream):
    return "".join(c.choices[0].delta.content or "" for c in stream if c.choices)


# Answers


@scenario
def chat():
    answer = ask(portkey(provider="@openai"))
    assert answer.choices[0].message.content == HELLO, answer
    usage = answer.usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (INPUT_TOKENS, OUTPUT_TOKENS), usage
    headers = answer.get_headers()
    marks = [headers[n] for n in ("provider", "last-used-option-index", "retry-attempt-count")]
    assert marks == ["openai", "config", "0"], headers


@scenario
def chat_stream():
    stream = ask(portkey(provider="@openai"), stream=True, stream_options={"include_usage": True})
    chunks = list(stream)
    assert chat_text(chunks) == HELLO, chunks
    assert chunks[-1].usage.completion_tokens == OUTPUT_TOKENS, chunks[-1]


@scenario
def embeddings():
    model, client = "text-embedding-plain", portkey(provider="@openai")
    # The client within asks for base64, and Portkey's hands it on as it came.
    packed = client.embeddings.create(model=model, input="one").data[0].embedding
    plain = client.embeddings.create(model=model, input="one", encoding_format="float")
    numbers = array.array("f", base64.b64decode(packed))
    assert len(numbers) == 256, packed
    apart = max(abs(a - b) for a, b in zip(numbers, plain.data[0].embedding, strict=True))
    assert apart < 1e-6, apart


@scenario
def responses():
    client = portkey(provider="@openai")
    answer = client.responses.create(model=PLAIN, input="Say hello.")
    assert answer.output_text == HELLO and answer.status == "completed", answer
    stream = client.responses.create(model=PLAIN, input="Say hello.", stream=True)
    events = list(stream)
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == HELLO and events[-1].type == "response.completed", events


@scenario
def messages():
    client = portkey(provider="@anthropic")
    call = {"model": "claude-plain", "max_tokens": 99, "messages": SAY_HELLO}
    answer = client.post(url="/messages", **call)
    assert answer.content[0]["text"] == HELLO, answer
    assert answer.get_headers()["provider"] == "anthropic", answer.get_headers()


@scenario
def create_headers():
    """OpenAI's own client, with Portkey's headers."""
    headers = createHeaders(api_key=KEY, provider="@spare-openai", trace_id=TRACE)
    client = openai.OpenAI(base_url=URL, api_key="DUMMY-KEY", default_headers=headers)
    answer = client.chat.completions.with_raw_response.create(model=PLAIN, messages=SAY_HELLO)
    assert answer.parse().choices[0].message.content == HELLO
    assert answer.headers["x-portkey-provider"] == "spare-openai", answer.headers
    assert answer.headers["x-portkey-trace-id"] == TRACE, answer.headers


@scenario
def models():
    names = [model.id for model in portkey().models.list().data]
    assert PLAIN in names and "everyday" in names, names


# Keys


@scenario
def keyless():
    """A gateway that asks nobody for a key, and a provider's key or none."""
    for more in ({}, {"Authorization": "the-callers-own-key"}):
        client = portkey(api_key=None, provider="openai", **more)
        assert ask(client).choices[0].message.content == HELLO
        assert client.responses.create(model=PLAIN, input="Say hello.").output_text == HELLO


@scenario
def slugs():
    for options, model in (
        ({"provider": "@spare-openai"}, PLAIN),
        ({"virtual_key": "spare-openai"}, PLAIN),
        ({}, "@spare-openai/gpt-plain"),
        ({"provider": "@spare-openai"}, "@spare-openai/gpt-plain"),
        ({"config": {"provider": "@spare-openai"}}, PLAIN),
        ({"config": {"virtual_key": "spare-openai"}}, PLAIN),
        ({"config": {"override_params": {"model": "@spare-openai/gpt-plain"}}}, "other"),
    ):
        headers = ask(portkey(**options), model=model).get_headers()
        assert headers["provider"] == "spare-openai", (options, model, headers)


@scenario
def own_key():
    for value in ("the-callers-own-key", "Bearer the-callers-own-key"):
        answer = ask(portkey(provider="openai", Authorization=value))
        assert answer.choices[0].message.content == HELLO, answer


@scenario
def wrong_key():
    stranger = portkey(provider="@openai", api_key="a-key-that-nobody-gave-out")
    error = raises(inner.AuthenticationError, lambda: ask(stranger))
    assert error.code == "invalid_api_key", error.body
    call = partial(stranger.post, url="/chat/completions", model=PLAIN, messages=SAY_HELLO)
    error = raises(exceptions.AuthenticationError, call)
    assert error.status_code == 401, error


# Configs


BROKEN = {"provider": "@broken-openai", "override_params": {"model": "gpt-broken"}}
SPARE = {"provider": "@spare-openai"}


def tree(mode, *targets, **more):
    return {"strategy": {"mode": mode, **more}, "targets": targets}


@scenario
def nested():
    balanced = tree("loadbalance", {**SPARE, "weight": 1}, {**BROKEN, "weight": 0})
    headers = asked(tree("fallback", BROKEN, balanced))
    assert headers["provider"] == "spare-openai", headers
    assert headers["last-used-option-index"] == "config.targets[1].targets[0]", headers


@scenario
def conditional():
    conditions = [
        {"query": {"metadata.plan": {"$in": ["paid", "trial"]}}, "then": "good"},
        {"query": {"params.max_tokens": {"$lte": 5}}, "then": "good"},
    ]
    targets = {"name": "usual", "provider": "@openai"}, {"name": "good", **SPARE}
    config = tree("conditional", *targets, conditions=conditions, default="usual")
    user = {"_user": "caf\u00e9"}
    told = {p: asked(config, metadata={"plan": p, **user})["provider"] for p in ("paid", "free")}
    told["short"] = ask(portkey(config=config), max_tokens=5).get_headers()["provider"]
    assert told == {"paid": "spare-openai", "free": "openai", "short": "spare-openai"}, told


@scenario
def retry():
    headers = asked({**SPARE, "retry": {"attempts": 2, "on_status_codes": [503]}}, "gpt-flaky")
    assert headers["retry-attempt-count"] == "1", headers


@scenario
def request_timeout():
    silent = {"provider": "@silent-openai", "override_params": {"model": "gpt-silent"}}
    config = tree("fallback", {**silent, "request_timeout": 300}, SPARE, on_status_codes=[500])
    assert asked(config)["provider"] == "spare-openai"
    client = portkey(config=silent, request_timeout=300)
    error = raises(inner.APIStatusError, lambda: ask(client))
    assert (error.status_code, error.code) == (408, "timeout_first_byte"), error


@scenario
def cache():
    """The second of two equal calls gets the first one's answer, and another namespace has its own."""
    for kind in ("simple", {"mode": "semantic", "max_age": 60}):
        config, told, own = {**SPARE, "cache": kind}, [], {"cache_namespace": f"n{kind}"}
        for options in (own, own, {"cache_namespace": f"m{kind}"}, {**own, "cache_force_refresh": True}, own):
            answer = ask(portkey(config=config, **options))
            assert answer.choices[0].message.content == HELLO, answer
            headers = answer.get_headers()
            assert headers["provider"] == "spare-openai", headers
            told.append((headers["cache-status"], answer.id))
        assert [status for status, _ in told] == ["MISS", "HIT", "MISS", "REFRESH", "HIT"], told
        assert told[0][1] == told[1][1] and told[3][1] == told[4][1], told
        first, again = (list(ask(portkey(config=config, **own), stream=True)) for _ in range(2))
        assert chat_text(first) == HELLO and again == first, (first, again)
    headers = asked(SPARE, cache_force_refresh=True, cache_namespace="n")
    assert headers["cache-status"] == "DISABLED", headers


@scenario
def overrides():
    asked({**SPARE, "override_params": {"temperature": 0.25, "model": PLAIN}}, "another")


@scenario
def forwarded():
    client = portkey(**SPARE, forward_headers=["X_Custom"], X_Custom="wanted", X_Other="unwanted")
    ask(client)


@scenario
def saved():
    headers = asked("pc-everyday")
    assert headers["provider"] == "spare-openai", headers
    assert headers["last-used-option-index"] == "config.targets[1]", headers


@scenario
def default_model():
    """Without a model the client says `portkey-default`."""
    config = {**SPARE, "override_params": {"model": PLAIN}}
    answer = portkey(config=config).chat.completions.create(messages=SAY_HELLO)
    assert answer.choices[0].message.content == HELLO, answer
    call = partial(portkey(provider="@openai").chat.completions.create, messages=SAY_HELLO)
    error = raises(inner.BadRequestError, call)
    assert error.code == "model_missing", error.body


# The REST interface


@scenario
def saved_configs():
    """A config is saved, used, changed, and gone."""
    admin = portkey()
    made = admin.configs.create(name="From a test", config=SPARE)
    assert made.slug.startswith("pc-froma"), made
    assert asked(made.slug)["provider"] == "spare-openai"
    kept = admin.configs.retrieve(slug=made.slug)
    assert (kept.config, kept.name, kept.status) == (SPARE, "From a test", "active"), kept
    assert kept.version_id == made.version_id, (kept, made)
    changed = admin.configs.update(slug=made.slug, config={"provider": "@openai"})
    assert changed.version_id not in (None, made.version_id), changed
    assert asked(made.slug)["provider"] == "openai"
    slugs = [config["slug"] for config in admin.configs.list().data]
    assert made.slug in slugs and "pc-everyday" in slugs, slugs
    assert admin.configs.delete(slug=made.slug).success
    raises(inner.BadRequestError, lambda: asked(made.slug))
    for config, words in ((tree("never", SPARE), "config.strategy.mode"), ({**SPARE, "api_key": "k"}, "secret store")):
        act = partial(admin.configs.create, name="x", config=config)
        error = raises(exceptions.BadRequestError, act)
        assert words in error.message, error.message


@scenario
def feedback():
    client = portkey(provider="@openai")
    trace = ask(client).get_headers()["trace-id"]
    told = client.feedback.create(trace_id=trace, value=0, weight=0.5, metadata={"_user": "u"})
    assert told.status == "success" and len(told.feedback_ids) == 1, told
    client.feedback.update(feedback_id=told.feedback_ids[0], value=7)
    both = [{"trace_id": trace, "value": 1}, {"trace_id": trace, "value": 2}]
    assert len(client.feedback.bulk_create(feedbacks=both).feedback_ids) == 2
    kept = client.get(path="/feedback").json()["data"]
    assert [(f["value"], f["weight"]) for f in kept] == [(2, 1.0), (1, 1.0), (7, 0.5)], kept
    act = partial(client.feedback.create, trace_id=trace, value=11)
    error = raises(exceptions.BadRequestError, act)
    assert "-10 to 10" in error.message, error.message


@scenario
def logs():
    client = portkey()
    told = client.logs.create(
        request={"url": "https://x.example", "headers": {"authorization": "Bearer secret"}},
        response={"status": 200, "body": {"answer": 42}},
        metadata={"traceId": "a-trace"},
    ).json()
    assert told["status"] == "success", told
    kept = client.get(path=f"/logs/{told['ids'][0]}").json()["data"]
    assert kept["response"]["body"] == {"answer": 42} and kept["trace_id"] == "a-trace", kept
    assert kept["request"]["headers"] == {"authorization": "********"}, kept
    act = partial(client.logs.create, request={"url": "x"})
    assert "response" in raises(exceptions.BadRequestError, act).message


@scenario
def providers():
    admin = portkey()
    slugs = [provider.slug for provider in admin.providers.list().data]
    assert "spare-openai" in slugs, slugs
    keys = {key["slug"]: key["key"] for key in admin.virtual_keys.list().data}
    assert keys["spare-openai"] == "********", keys
    assert admin.providers.retrieve(slug="openai").slug == "openai"
    act = partial(admin.virtual_keys.update, slug="openai", key="k")
    assert "not in the secret store" in raises(exceptions.ConflictError, act).message
    act = partial(admin.virtual_keys.create, name="x", provider="openai", key="k")
    assert "orchestra secrets init" in raises(exceptions.InternalServerError, act).message


@scenario
def made_providers():
    """A virtual key and a provider are made, used in every way, changed, and gone."""
    admin = portkey()
    host = admin.configs.retrieve(slug="pc-where").config["custom_host"]
    new = {"name": "Night", "provider": "openai", "note": "n", "custom_host": host}
    slug = admin.virtual_keys.create(key="the-first-key", **new).slug
    assert slug.startswith("night-"), slug

    def works():
        ways = ({"virtual_key": slug}, {"provider": f"@{slug}"}, {"config": {"virtual_key": slug}})
        answers = [ask(portkey(**way)) for way in ways] + [ask(portkey(), model=f"@{slug}/{PLAIN}")]
        assert all(answer.choices[0].message.content == HELLO for answer in answers), answers

    works()
    kept = admin.get(path=f"/virtual-keys/{slug}").json()
    assert (kept["name"], kept["note"], kept["status"]) == ("Night", "n", "active"), kept
    assert kept["key"] == "********" and "the-first-key" not in str(kept), kept
    changed = admin.virtual_keys.update(slug=slug, key="the-second-key", note="m")
    assert changed.slug == slug, changed
    works()
    notes = {key["slug"]: key["note"] for key in admin.virtual_keys.list().data}
    assert notes[slug] == "m", notes
    admin.virtual_keys.delete(slug=slug)
    error = raises(inner.NotFoundError, lambda: ask(portkey(provider=f"@{slug}")))
    assert slug in error.message, error.message

    of_day = {"integration_id": "openai", "key": "the-first-key", "custom_host": host}
    assert admin.providers.create(name="Day", slug="day", **of_day).slug == "day"
    assert ask(portkey(provider="@day")).choices[0].message.content == HELLO
    admin.providers.update(slug="day", note="sunny")
    day = admin.providers.retrieve(slug="day")
    assert (day.name, day.note) == ("Day", "sunny"), day
    assert "day" in [provider.slug for provider in admin.providers.list().data]
    for slug, words in (("day", "already"), ("openai", "configuration")):
        act = partial(admin.providers.create, name="x", slug=slug, **of_day)
        assert words in raises(exceptions.ConflictError, act).message
    act = partial(admin.providers.create, name="x", **{**of_day, "integration_id": "nobody"})
    assert "use one of" in raises(exceptions.BadRequestError, act).message
    admin.providers.delete(slug="day")
    raises(inner.NotFoundError, lambda: ask(portkey(), model="@day/x"))


@scenario
def not_an_admin():
    for act in (
        portkey().configs.list,
        partial(portkey().configs.create, name="x", config=SPARE),
        portkey().providers.list,
    ):
        error = raises(exceptions.PermissionDeniedError, act)
        assert "admin_keys" in error.message, error.message


# Traces


@scenario
def traces():
    given = ask(portkey(provider="@openai", trace_id=TRACE)).get_headers()
    assert given["trace-id"] == TRACE, given
    made = [ask(portkey(provider="@openai")).get_headers()["trace-id"] for _ in range(2)]
    assert all(made) and made[0] != made[1], made
    error = raises(inner.BadRequestError, lambda: ask(portkey(config={"a": 1}, trace_id=TRACE)))
    assert error.response.headers["x-portkey-trace-id"] == TRACE, error.response.headers


# Errors


@scenario
def bad_configs():
    for config, words in (
        (tree("fallback", SPARE, tree("never", SPARE)), "targets[1].strategy.mode"),
        ({"retry": {"attempts": -1}}, "retry.attempts"),
        ({"provider": "@nobody"}, "nobody"),
        ("pc-unknown", "pc-everyday"),
        ({"custom_host": "http://127.0.0.1:9"}, "custom_host"),
    ):
        error = raises(inner.BadRequestError, partial(ask, portkey(config=config)))
        assert words in error.message, (config, error.message)


@scenario
def limited():
    error = raises(inner.RateLimitError, lambda: ask(portkey(provider="@openai"), model="gpt-limited"))
    assert error.response.headers["retry-after"] == "1", error.response.headers


@scenario
def broken():
    client = portkey(provider="@openai")
    call = {"model": "gpt-broken", "messages": SAY_HELLO}
    raises(inner.InternalServerError, lambda: client.chat.completions.create(**call))
    raises(inner.InternalServerError, lambda: client.chat.completions.create(**call, stream=True))
    raises(exceptions.InternalServerError, lambda: client.post(url="/chat/completions", **call))
    for resource in (client.responses, client.embeddings):
        act = partial(resource.create, model="gpt-broken", input="Say hello.")
        raises(inner.InternalServerError, act)


@scenario
def torn():
    client = portkey(provider="@openai")
    for how in ("cut", "reset", "stopped", "fails"):
        stream = ask(client, model=f"gpt-{how}", stream=True)
        assert next(stream).choices, how
        raises(inner.APIError, partial(list, stream))
        stream = client.responses.create(model=f"gpt-{how}", input="Say hello.", stream=True)
        assert next(stream).type == "response.created", how
        raises(inner.APIError, partial(list, stream))


run()
