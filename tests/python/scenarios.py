"""What every client script shares: running scenarios by name and telling how they went.

A scenario is a function that asserts for itself and may return facts for the test that
started the script. For each one a line of JSON goes to standard output.
"""

import json
import os
import sys
import traceback

KEY = os.environ["ORCHESTRA_CLIENT_KEY"]
#: What the scripted provider says when nothing else is asked of it.
HELLO = "Hello from the scripted provider."
#: What it says until it dies, and another goes on.
TALE = "The rain in Bergen falls on the quay, and then it falls on the quay again. The rain in Bergen."
#: How a client asks for that.
RECOVER = {"x-orchestra-recover": "true"}
#: The token counts that the test has the provider report.
INPUT_TOKENS, OUTPUT_TOKENS = 11, 7
#: The tool that the provider calls, and the arguments that it makes up for it.
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CITY_ARGUMENTS = {"city": "Paris"}
#: How many calls go out at once.
PARALLEL = 100

SCENARIOS = {}


def raises(expected, act):
    """Runs `act`, which must raise exactly an `expected`, and returns the exception."""
    try:
        outcome = act()
    except expected as error:
        return error
    raise AssertionError(f"expected {expected.__name__}, but it returned {outcome!r}")


def tell(**facts):
    """Tells the test something, now."""
    print(json.dumps(facts), flush=True)


def wait_for_the_test():
    """Waits until the test closes our input: this process must not end before it has looked."""
    sys.stdin.read()


def scenario(function):
    """Lets the test ask for the function by its name."""
    SCENARIOS[function.__name__] = function
    return function


def run():
    """Runs the scenarios named on the command line; the exit code tells whether all held.

    What follows a colon in a name is handed to the scenario: `loop:gemini`.
    """
    failed = False
    for name in sys.argv[2:]:
        function, *more = name.split(":")
        try:
            tell(scenario=name, ok=True, facts=SCENARIOS[function](*more) or {})
        except Exception:
            failed = True
            tell(scenario=name, ok=False, error=traceback.format_exc())
    sys.exit(1 if failed else 0)


def base_url():
    """The gateway's address, without a path."""
    return sys.argv[1]
