"""Chunk names: from what is in them and behind them, not from where they were built."""

from unitgraph.rules.chunks import rename


def build(left: str, right: str, text: str = "export const a=1") -> dict[str, bytes]:
    """Two chunks that import each other in a circle, and an entry, as a build names them in one checkout."""
    return {
        f"chunks/unitgraph-{left}.js": f'import"./unitgraph-{right}.js";{text}'.encode(),
        f"chunks/unitgraph-{right}.js": f'import("./unitgraph-{left}.js")'.encode(),
        "units/u/index.js": f'import{{a}}from"../../chunks/unitgraph-{left}.js"'.encode(),
    }


def test_the_same_content_gets_the_same_names_in_every_checkout() -> None:
    assert rename(build("AAAAAAAA", "BBBBBBBB")) == rename(build("ZZZZZZZ1", "CCCCCCC2"))


def test_another_content_moves_every_name_that_reaches_it() -> None:
    one, two = rename(build("AAAAAAAA", "BBBBBBBB")), rename(build("AAAAAAAA", "BBBBBBBB", "export const a=2"))
    assert one.keys() & two.keys() == {"units/u/index.js"}
    assert one["units/u/index.js"] != two["units/u/index.js"]


def test_imports_lead_to_files_that_are_there() -> None:
    renamed = rename(build("AAAAAAAA", "BBBBBBBB"))
    for data in renamed.values():
        name = data.split(b"c-")[1][:16].decode()
        assert f"chunks/c-{name}.js" in renamed


def test_the_order_of_exports_is_that_of_their_names() -> None:
    orders = (b"var a=1,b=2;export{b,a as c,a};\n", b"var a=1,b=2;export{a as c,a,b};\n")
    one, two = (rename({"chunks/unitgraph-AAAAAAAA.js": text}) for text in orders)
    assert one == two
    assert [*one.values()] == [b"var a=1,b=2;export{a,a as c,b};\n"]


def test_a_source_map_gives_its_chunk_no_other_name() -> None:
    """Maps hold paths of the machine until they are named."""
    plain = rename(build("AAAAAAAA", "BBBBBBBB"))
    for place in ("/home/a", "/srv/b"):
        maps = {f"chunks/unitgraph-{name}.js.map": f'{{"sources":["{place}"]}}'.encode() for name in ("AAAAAAAA", "BBBBBBBB")}
        for outputs in (build("AAAAAAAA", "BBBBBBBB") | maps, maps | build("AAAAAAAA", "BBBBBBBB")):
            renamed = rename(outputs)
            assert {path: data for path, data in renamed.items() if not path.endswith(".map")} == plain
            assert {path.removesuffix(".map") for path in renamed} == plain.keys()
