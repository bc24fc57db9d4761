"""What the scripts share that talk to upstreams of any dialect: models, tools, expectations.

The upstream is an agent's model (see the testkit's README). It first calls `weather` and `clock`
at once, then `weather` twice at once, and then says what the tools said. It refuses what its vendor
would refuse, so a call that was translated wrongly is an error here.
"""

HELLO = "Hello from the scripted provider."
#: What the model thinks, where thoughts are told.
THOUGHT = "The user wants an answer; I shall see what I have."
#: Read, read from the cache, written, thought.
READ, CACHED, WRITTEN, THOUGHT_TOKENS = 120, 50, 30, 12

#: An upstream of one dialect each, and a model there.
MODELS = {
    "chat": "chat-only/gpt-5-mini",
    "responses": "responses-only/gpt-5-mini",
    "messages": "messages-only/claude-sonnet-5-5",
    # A model whose thinking is given a budget of tokens, and that wants its thoughts back.
    "budget": "messages-only/claude-haiku-4-5",
    "gemini": "gemini-only/gemini-3.1-pro-preview",
    # Chat with thoughts in the open.
    "deepseek": "deepseek/deepseek-v4-pro",
}

SAY_HELLO = [{"role": "user", "content": "Say hello."}]
QUESTION = "How is the weather in Zürich, and what time is it?"
ASK = [{"role": "user", "content": QUESTION}]

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
CLOCK = {
    "type": "object",
    "properties": {"zone": {"type": "string", "description": "Such as Europe/Zurich"}},
    "required": ["zone"],
    "additionalProperties": False,
}
SCHEMAS = {"weather": WEATHER, "clock": CLOCK}

#: What the model calls, in order.
CALLS = [
    ("weather", {"city": 'Zürich "Altstadt" \\ 🏔', "days": 3}),
    ("clock", {"zone": "Europe/Zurich"}),
    ("weather", {"city": "Paris", "days": 1}),
    ("weather", {"city": "Bern", "days": 2}),
]
ANSWER = "The tools say: 1 days of sun in Paris; 2 days of sun in Bern."

#: A white pixel.
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mP8/x8AAwMCAO+ip1sAAAAASUVORK5CYII="
)
#: A document of one line, as far as anybody looks at it here.
DOCUMENT = "JVBERi0xLjQKJSVFT0YK"


def weather(city, days):
    return f"{days} days of sun in {city}"


def clock(zone):
    return f"noon in {zone}"


class Tools:
    """Runs the tools and remembers what was called."""

    def __init__(self):
        self.called = []

    def run(self, name, arguments):
        self.called.append((name, arguments))
        return {"weather": weather, "clock": clock}[name](**arguments)

    def check(self):
        assert self.called == CALLS, self.called
