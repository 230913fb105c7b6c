"""The front page: what is there, that it is documented, and that it brings nothing along that it should not."""

import inspect
import subprocess
import sys
import types

import pytest

from gateway import toolbox

PRELOADED = """
import sys
from gateway.toolbox.preload import preload
preload()
before = set(sys.modules)
def refuse(event, arguments):
    if event in ("open", "import") or event.startswith(("socket.", "subprocess.", "os.")):
        raise SystemExit(f"{event} {arguments}")
sys.addaudithook(refuse)
from gateway.toolbox import *
parse_time("1.2.2024", zone="America/Argentina/Ushuaia", format="%d.%m.%Y")
normalize_phone("030 123456", "DE"); normalize_phone("03 1234 5678", "JP"); normalize_phone("+5511961234567")
parse_xml("<a/>"); parse_csv("a,b"); search_json("max_by(@, &a)", [{"a": 1}]); slugify("é")
replace_text("a(b)", r"\\1", "ab"); parse_url("https://é.example/?a=1"); dump_json({"a": money("1")})
sys.stdout.write(",".join(sorted(set(sys.modules) - before)))
"""


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_all_names_exist_and_none_is_a_module() -> None:
    assert sorted(toolbox.__all__) == toolbox.__all__
    for name in toolbox.__all__:
        assert not isinstance(getattr(toolbox, name), types.ModuleType), name


@pytest.mark.parametrize("name", [name for name in toolbox.__all__ if name != "timedelta"])
def test_every_name_is_documented_and_typed(name: str) -> None:
    tool = getattr(toolbox, name)
    assert len(inspect.getdoc(tool) or "") > 40
    assert name in (toolbox.__doc__ or "") or name.startswith("verify_")
    if inspect.isfunction(tool):
        signature = inspect.signature(tool)
        assert signature.return_annotation is not inspect.Signature.empty
        assert all(each.annotation is not inspect.Parameter.empty for each in signature.parameters.values())


def test_the_toolbox_imports_nothing_else_of_the_gateway_and_no_pydantic() -> None:
    loaded = run("import sys, gateway.toolbox.preload; print(','.join(sys.modules))").strip().split(",")
    ours = [name for name in loaded if name.startswith("gateway.") and not name.startswith("gateway.toolbox")]
    assert ours == []
    assert not {"pydantic", "sqlalchemy", "arq", "RestrictedPython", "starlette"} & set(loaded)


def test_after_the_preload_no_helper_opens_a_file_or_imports_a_module() -> None:
    assert run(PRELOADED) == ""
