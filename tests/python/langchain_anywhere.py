"""LangChain on upstreams of any dialect. Usage: langchain_anywhere.py BASE_URL SCENARIO:UPSTREAM..."""

import os

from anywhere import ANSWER, CACHED, HELLO, MODELS, QUESTION, READ, WRITTEN, Tools
from scenarios import KEY, base_url, run, scenario

# Nothing here is to be told to anybody.
os.environ["LANGSMITH_TRACING"] = "false"

from langchain_anthropic import ChatAnthropic  # noqa: E402
from langchain_core.messages import HumanMessage, ToolMessage  # noqa: E402
from langchain_core.tools import tool  # noqa: E402
from langchain_openai import ChatOpenAI  # noqa: E402
from pydantic import BaseModel  # noqa: E402


class Place(BaseModel):
    """A place."""

    city: str
    days: int


def chat_model(upstream, **more):
    return ChatOpenAI(
        model=MODELS[upstream],
        base_url=f"{base_url()}/v1",
        api_key=KEY,
        max_retries=0,
        stream_usage=True,
        **more,
    )


def responses_model(upstream, **more):
    return chat_model(upstream, use_responses_api=True, **more)


def messages_model(upstream, **more):
    return ChatAnthropic(
        model=MODELS[upstream],
        base_url=base_url(),
        api_key=KEY,
        max_retries=0,
        max_tokens=4096,
        **more,
    )


def streamed(model, messages):
    whole = None
    for chunk in model.stream(messages):
        whole = chunk if whole is None else whole + chunk
    return whole


def check(model):
    answer = model.invoke("Say hello.")
    assert answer.text == HELLO, answer
    usage = answer.usage_metadata
    assert (usage["input_tokens"], usage["output_tokens"]) == (READ, WRITTEN), usage
    assert usage["input_token_details"]["cache_read"] == CACHED, usage
    agent(model)
    place = model.with_structured_output(Place, method="json_schema").invoke("Say hello.")
    assert place == Place(city="Paris", days=1), place


def agent(model):
    """Streams each turn and hands it back, until no tool is called any more."""
    run = Tools()

    @tool
    def weather(city: str, days: int) -> str:
        """The weather."""
        return run.run("weather", {"city": city, "days": days})

    @tool
    def clock(zone: str) -> str:
        """The time."""
        return run.run("clock", {"zone": zone})

    tools = {"weather": weather, "clock": clock}
    bound = model.bind_tools(list(tools.values()))
    messages = [HumanMessage(QUESTION)]
    while (answer := streamed(bound, messages)).tool_calls:
        assert not answer.invalid_tool_calls, answer
        messages.append(answer)
        for call in answer.tool_calls:
            result = tools[call["name"]].invoke(call["args"])
            messages.append(ToolMessage(result, tool_call_id=call["id"]))
    assert answer.text == ANSWER, answer
    assert answer.usage_metadata["input_tokens"] == READ, answer
    run.check()


@scenario
def chat(upstream):
    check(chat_model(upstream))


@scenario
def chat_thinks(upstream):
    agent(chat_model(upstream, reasoning_effort="high"))


@scenario
def responses(upstream):
    check(responses_model(upstream))


@scenario
def responses_by_id(upstream):
    """Each turn names the one before, and holds nothing but what is new."""
    agent(responses_model(upstream, use_previous_response_id=True))


@scenario
def responses_thinks(upstream):
    thinking = {"effort": "high", "summary": "auto"}
    model = responses_model(
        upstream, reasoning=thinking, include=["reasoning.encrypted_content"], store=False
    )
    agent(model)


@scenario
def messages(upstream):
    check(messages_model(upstream))


@scenario
def messages_thinks(upstream):
    agent(messages_model(upstream, thinking={"type": "enabled", "budget_tokens": 2048}))


run()
