"""Holds what the codecs write against the vendors' own types.

Every snapshot of a translation is read: the request that would be sent must be one that the
vendor's SDK could have sent, without a single unknown field, and the answers and events must be
ones that its SDK can read. The fixtures themselves are held to the same types, with unknown fields allowed.

    python schemas.py <folder of orchestra-dialects>
"""

from __future__ import annotations

import json
import pathlib
import sys
import types
from typing import Any, Iterator

import pydantic
from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types.beta import BetaMessage, BetaRawMessageStreamEvent
from anthropic.types.beta.message_create_params import MessageCreateParamsNonStreaming as BetaRequest
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming as MessagesRequest
from google.genai import types as genai
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming as ChatRequest
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.response_create_params import (
    ResponseCreateParamsNonStreaming as ResponsesRequest,
)

DIALECTS = ["openai_chat", "openai_responses", "anthropic_messages", "gemini"]


class Problem(Exception):
    """Something that the vendor's types do not allow."""


def exhaust(value: Any) -> Any:
    """Walks through what pydantic validates only on demand."""
    if isinstance(value, dict):
        return {key: exhaust(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [exhaust(item) for item in value]
    if hasattr(value, "__next__"):
        return [exhaust(item) for item in value]
    return value


class Schema:
    """A type of a vendor; several are alternatives."""

    def __init__(self, *kinds: Any):
        self.adapters = [pydantic.TypeAdapter(kind) for kind in kinds]

    def check(self, value: Any, extra: str) -> None:
        problems = []
        for adapter in self.adapters:
            try:
                exhaust(adapter.validate_python(value, extra=extra))
                return
            except pydantic.ValidationError as error:
                problems.append(summary(error))
        raise Problem(min(problems, key=len))


def summary(error: pydantic.ValidationError) -> str:
    """The complaints at the deepest places: those name the field, the others only its surroundings."""
    complaints = error.errors(include_url=False, include_input=False)
    deepest = max(len(complaint["loc"]) for complaint in complaints)
    shown = [c for c in complaints if len(c["loc"]) >= deepest - 1][:4]
    return "; ".join(f"{'.'.join(map(str, c['loc']))}: {c['msg']}" for c in shown)


class GeminiRequest:
    """The wire form of a request, which the SDK has no type for: the parts it is made of have one."""

    CONFIG = {
        "systemInstruction": genai.Content,
        "generationConfig": genai.GenerationConfig,
        "toolConfig": genai.ToolConfig,
    }
    LISTS = {"contents": genai.Content, "tools": genai.Tool, "safetySettings": genai.SafetySetting}
    PLAIN = {"cachedContent", "labels", "serviceTier", "store"}

    def check(self, value: Any, extra: str) -> None:
        for name, item in value.items():
            if name in self.CONFIG:
                self.one(self.CONFIG[name], item, name, extra)
            elif name in self.LISTS:
                for index, part in enumerate(item):
                    self.one(self.LISTS[name], part, f"{name}[{index}]", extra)
            elif name not in self.PLAIN and extra == "forbid":
                raise Problem(f"{name}: no such field")

    @staticmethod
    def one(kind: Any, value: Any, where: str, extra: str) -> None:
        try:
            pydantic.TypeAdapter(kind).validate_python(value, extra=extra)
        except pydantic.ValidationError as error:
            raise Problem(f"{where}: {summary(error)}") from error


REQUESTS = {
    "openai_chat": Schema(ChatRequest),
    "openai_responses": Schema(ResponsesRequest),
    "anthropic_messages": Schema(MessagesRequest, BetaRequest),
    "gemini": GeminiRequest(),
}
ANSWERS = {
    "openai_chat": Schema(ChatCompletion),
    "openai_responses": Schema(Response),
    "anthropic_messages": Schema(Message, BetaMessage),
    "gemini": Schema(genai.GenerateContentResponse),
}
EVENTS = {
    "openai_chat": Schema(ChatCompletionChunk),
    "openai_responses": Schema(ResponseStreamEvent),
    "anthropic_messages": Schema(RawMessageStreamEvent, BetaRawMessageStreamEvent),
    "gemini": Schema(genai.GenerateContentResponse),
}
# What the types of requests leave out: whether a stream is wanted chooses among them, and Anthropic's sampling
# options exist in the API version that the gateway asks for (2023-06-01), but not in its SDK any more.
OUTSIDE = {
    "openai_chat": {"stream"},
    "openai_responses": {"stream"},
    "anthropic_messages": {"stream", "temperature", "top_p", "top_k"},
    "gemini": set(),
}


def events(stream: str) -> Iterator[Any]:
    """The data of a stream's events, but for its end marker and pings."""
    for block in stream.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff").split("\n\n"):
        lines = [line[len("data:"):] for line in block.split("\n") if line.startswith("data:")]
        data = "\n".join(lines).strip()
        if data and data != "[DONE]":
            event = json.loads(data)
            if event.get("type") != "ping":
                yield event


def check_request(dialect: str, text: str, extra: str) -> None:
    request = {k: v for k, v in json.loads(text).items() if k not in OUTSIDE[dialect]}
    REQUESTS[dialect].check(request, extra)


def check_stream(dialect: str, text: str) -> None:
    for number, event in enumerate(events(text)):
        if "error" in event and event.get("error"):
            continue
        try:
            EVENTS[dialect].check(event, "ignore")
        except Problem as problem:
            raise Problem(f"event {number} ({event.get('type')}): {problem}") from problem


def sections(snapshot: str) -> dict[str, str]:
    """The parts of a snapshot by the first words of their titles, without the lines on losses."""
    found: dict[str, str] = {}
    title = ""
    for line in snapshot.split("\n"):
        if line.startswith("## "):
            title = next(word for word in ("request", "answer", "stream") if word in line)
            found[title] = ""
        elif title and not line.startswith("lost: "):
            found[title] += line + "\n"
    return found


def check_snapshot(dialect: str, text: str) -> Iterator[str]:
    parts = sections(text)
    checks = {
        "request": lambda part: check_request(dialect, part, "forbid"),
        "answer": lambda part: ANSWERS[dialect].check(json.loads(part), "ignore"),
        "stream": lambda part: check_stream(dialect, part),
    }
    for name, part in parts.items():
        if part.startswith(("refused: ", "error: ")):
            continue
        try:
            checks[name](part)
        except Problem as problem:
            yield f"{name}: {problem}"


def check_fixture(dialect: str, folder: pathlib.Path) -> Iterator[str]:
    checks = {
        "request.json": lambda part: check_request(dialect, part, "ignore"),
        "response.json": lambda part: ANSWERS[dialect].check(json.loads(part), "ignore"),
        "stream.sse": lambda part: check_stream(dialect, part),
    }
    for name, check in checks.items():
        path = folder / name
        if path.exists():
            try:
                check(path.read_text())
            except (Problem, ValueError) as problem:
                yield f"{name}: {problem}"


def exempt(root: pathlib.Path) -> set[str]:
    """Fixtures that break their vendor's types on purpose, with the reason in `about.toml`."""
    lines = (root / "fixtures" / "off_schema.txt").read_text().splitlines()
    return {line.split(":")[0].strip() for line in lines if line and not line.startswith("#")}


def main(root: pathlib.Path) -> int:
    problems, checked = [], 0
    exempted = exempt(root)
    for dialect in DIALECTS:
        for folder in sorted((root / "fixtures" / dialect).iterdir()):
            name = f"{dialect}/{folder.name}"
            found = list(check_fixture(dialect, folder))
            if name in exempted and not found:
                problems.append(f"{name}: is listed as off schema, but follows it")
            elif name not in exempted:
                problems += [f"{name}/{problem}" for problem in found]
            checked += 1
        for source in DIALECTS:
            for path in sorted((root / "snapshots").glob(f"{source}__{dialect}/*.txt")):
                found = check_snapshot(dialect, path.read_text())
                problems += [f"{source}__{dialect}/{path.name}: {problem}" for problem in found]
                checked += 1
    print("\n".join(problems))
    print(f"{checked} files, {len(problems)} problems")
    return 1 if problems or not checked else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
