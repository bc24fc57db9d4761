"""OpenAI's Python client with Responses on upstreams that speak something else."""

import json

import openai
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from anywhere import (
    ANSWER,
    ASK,
    CACHED,
    DOCUMENT,
    HELLO,
    MODELS,
    PIXEL,
    READ,
    SCHEMAS,
    THOUGHT,
    THOUGHT_TOKENS,
    WRITTEN,
    Tools,
)
from anywhere_openai import Place, client
from scenarios import raises, scenario

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
