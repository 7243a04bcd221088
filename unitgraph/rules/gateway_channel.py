"""The entry of a channel: its route, which function a message is for, and what stands around its opening."""

from typing import TYPE_CHECKING, Any

from unitgraph.rules.entry import EntryGateway, literal

if TYPE_CHECKING:
    from unitgraph.rules.names import Names
    from unitgraph.rules.wirings import Wirings
    from unitgraph.units.application import ChannelWiring, Expression
    from unitgraph.units.model import Unit


def channel(unit: "Unit", wirings: "Wirings", names: "Names") -> EntryGateway:
    channels = "".join(f"        {_channel(each, names)},\n" for each in wirings.channels(unit))
    around = [(one.kind, one.scope, one.value) for one in wirings.scoped(unit)]
    middleware = _scoped([(scope, value) for kind, scope, value in around if kind == "http-middleware"], names)
    permissions = _scoped([(scope, value) for kind, scope, value in around if kind == "http-permission"], names)
    argument = (
        f"{{\n      channels: [\n{channels}      ],\n"
        f"      middleware: {middleware},\n      permissions: {permissions},\n    }}"
    )
    return EntryGateway("unitgraph/channel", "channel", argument)


def _channel(wiring: "ChannelWiring", names: "Names") -> str:
    described = f"name: {literal(wiring.name)}, route: {literal(wiring.route)}"
    if wiring.program is not None:
        described += f", program: {literal(wiring.program)}"
    return f"{{ {described}, options: {names.expression(wiring.options)}, calls: {literal(_calls(wiring))} }}"


def _calls(wiring: "ChannelWiring") -> dict[str, Any]:
    calls: dict[str, Any] = {}
    messages: dict[str, dict[str, str]] = {}
    for call in wiring.calls:
        if call.property is None or call.value is None:
            calls[call.kind] = call.function
        else:
            messages.setdefault(call.property, {})[call.value] = call.function
    return calls | ({"messages": messages} if messages else {})


def _scoped(found: "list[tuple[str, Expression]]", names: "Names") -> str:
    return f"[{', '.join(f'[{literal(scope)}, {names.expression(value)}]' for scope, value in found)}]"
