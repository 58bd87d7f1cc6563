"""The node of a pipeline: an immutable value that says what it makes of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, dataclass_transform

import attrs
import numpy as np

from slicewise.errors import GraphError, SlicewiseError
from slicewise.image import Geometry, Headers, Image, ImageInfo, ImageStack, Padding, PerSlice, Step
from slicewise.pipeline.block import Array, Block, Outline, Slab, grown
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.inference import infer
from slicewise.pipeline.keys import class_identity, content_key
from slicewise.pipeline.operators import Operators
from slicewise.pipeline.order import graph_of
from slicewise.pipeline.sources import SourceFile

if TYPE_CHECKING:
    import os
    import threading

    from slicewise.pipeline.cache import ResultCache
    from slicewise.pipeline.profile import Profile
    from slicewise.pipeline.progress import Show

__all__ = [
    "Array",
    "Block",
    "Filter",
    "Node",
    "Outline",
    "Slab",
    "as_node",
    "fields_of",
    "input_fields",
    "input_node",
    "input_nodes",
    "node",
]

T = TypeVar("T")
_INPUT = "slicewise.input"
_OPTIONAL = "slicewise.optional"


def fields_of(cls: type) -> tuple[attrs.Attribute[Any], ...]:
    """Return the declared fields of a node class: its inputs and parameters."""
    fields: tuple[attrs.Attribute[Any], ...] = attrs.fields(cls)
    return fields


def input_fields(n: Node) -> Iterator[tuple[str, Any]]:
    """Iterate over the fields of a node that hold nodes, or tuples of them, with their names."""
    for f in fields_of(type(n)):
        if f.metadata.get(_INPUT) and getattr(n, f.name) is not None:
            yield f.name, getattr(n, f.name)


def input_node(
    *,
    default: None = None,
    kw_only: bool = True,
    optional: bool = False,
    prepare: Callable[[Any], Any] | None = None,
) -> Any:
    """Declare a field of a node that takes another node; None until it is connected, or for good if it is optional.

    It is given by name, so that the first positional argument of a filter is its first parameter. (Type checkers
    learn of ``default`` and ``kw_only`` only where they are written at the field.) ``prepare`` makes an image or a node
    of what else is taken.
    """
    metadata = {_INPUT: True, _OPTIONAL: optional}
    converter = _to_node if prepare is None else attrs.converters.pipe(prepare, _to_node)
    return attrs.field(default=default, converter=converter, repr=False, metadata=metadata, kw_only=kw_only)


def input_nodes(*, default: Any = attrs.NOTHING) -> Any:
    """Declare a field of a node that takes several nodes, as a tuple of any length, given when it is made."""
    return attrs.field(default=default, converter=_to_nodes, repr=False, metadata={_INPUT: True, _OPTIONAL: True})


def _to_nodes(values: Any) -> tuple[Node, ...]:
    return tuple(as_node(value) for value in values)


def _to_node(value: Any) -> Node | None:
    return None if value is None else as_node(value)


def as_node(value: Any) -> Node:
    """Return a node for an image or a stack of images in memory; a node as it is.

    Raises
    ------
    GraphError
        If the value is neither a node nor an image.
    """
    if isinstance(value, Node):
        return value
    if isinstance(value, ImageStack):
        from slicewise.pipeline.stack import Stack

        return Stack(
            tuple(map(as_node, value.volumes)), axis=value.axis, coordinates=value.coordinates, unit=value.unit
        )
    if isinstance(value, Image):
        from slicewise.pipeline.memory import InMemory

        return InMemory(value)
    raise GraphError(
        f"a node or an Image is wanted here (got {type(value).__name__}); make an Image of pixels with "
        "Image.from_array(...) or Image.from_sitk(...)"
    )


@dataclass_transform(
    kw_only_default=False, frozen_default=True, field_specifiers=(attrs.field, input_node, input_nodes)
)
def node(cls: type[T]) -> type[T]:
    """Make a class a node: immutable, its parameters declared as attrs fields."""
    return attrs.define(cls, frozen=True, eq=False, repr=False, slots=False)


class Node(Operators):
    """A step of a pipeline: a reader, a filter or a writer.

    A node is a value: it never changes, and ``>>`` makes a new one. Its information (geometry,
    type, headers) is known without a pixel; pixels are computed slab by slab when it is updated.

    A subclass declares its parameters and inputs as fields, its ``effect``, and ``compute``; and
    where they are not the default, ``outline``, ``halo`` or ``request``, and ``whole``.
    """

    version: ClassVar[int] = 1
    """To be raised when the same parameters give another result than before."""

    at_hand: ClassVar[bool] = False
    """Whether slices cost nothing to get, so that none need be kept for later."""

    computes_margins: ClassVar[bool] = False
    """Whether the slices of the halo are computed and thrown away, so that thick slabs are worth their memory."""

    takes_stacks: ClassVar[bool] = False
    """Whether the node does something with a stack itself; others are applied to each of its volumes."""

    # Numpy leaves operators between an array and a node to the node.
    __array_ufunc__ = None

    # --- what a subclass says -----------------------------------------------------------------

    @property
    def effect(self) -> Effect:
        """What the node does to values, grid and slices."""
        raise NotImplementedError

    @property
    def whole(self) -> bool:
        """Whether a result needs all slices of the inputs at once."""
        return False

    def halo(self, info: ImageInfo) -> int:
        """Return how many slices on each side of a slab the node needs."""
        return 0

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return what the node makes of its inputs: by default the grid and type of the first."""
        return Outline.like(*inputs)

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """Return for each input the slices needed to compute a slab; none, ``range(0)``, where only its grid counts."""
        return tuple(grown(slab, self.halo(info), info.slices) for info in inputs)

    @property
    def streams(self) -> bool:
        """Whether a slab can be had without all the others; of a reader, whether its format and codec allow it."""
        return not self.whole

    def scratch_bytes(self, slab: Slab, *taken: Slab) -> int:
        """Estimate the memory that computing a slab takes beside the slices of the inputs and the result itself."""
        return 0

    def history_text(self, *inputs: ImageInfo) -> str:
        """Return what the history tells of the node: its parameters; also what it found in headers, if it did."""
        return self.parameter_text

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the values of a slab, given the requested slices of each input."""
        raise NotImplementedError

    def compute_into(self, slab: Slab, out: Array, *blocks: Block) -> None:
        """Put the values of a slab into memory that is already there."""
        out[...] = self.compute(slab, *blocks)

    def fused(self) -> Node:
        """Return the node that does this and what comes before at once, from other inputs; by default the node itself.

        Values may differ as far as one rounding differs from two, or one interpolation from two; what is known of the
        result does not.
        """
        return self

    # --- what is known without pixels ----------------------------------------------------------

    @cached_property
    def info(self) -> ImageInfo:
        """All that is known without pixels: geometry, type, headers, sources, history.

        Raises
        ------
        GraphError
            If an input is not connected.
        SlicewiseError
            Whatever can be known to go wrong, with the node named.
        """
        infos = self.input_infos()
        try:
            return self._infer(*infos)
        except SlicewiseError as error:
            error.add_note(f"in {self!r}")
            raise

    def input_infos(self) -> list[ImageInfo]:
        """Return what is known of each input.

        Raises
        ------
        GraphError
            If an input is not connected, or is a stack where one volume is wanted.
        """
        self._check_connected()
        infos = {name: n.info for name, n in self.inputs.items()}
        for name, info in infos.items():
            if info.axis is not None and not self.takes_stacks:
                raise GraphError(
                    f"{self.name} takes one volume, and its {name} is a stack of {info.axis.volumes} volumes: give it "
                    "one of them, stack.volumes[k]; a filter is applied to each of them with 'stack >> filter'"
                )
        return list(infos.values())

    def _infer(self, *inputs: ImageInfo) -> ImageInfo:
        step = Step(
            name=self.name,
            parameters=self.history_text(*inputs),
            operations=self.effect.operations,
            derivation=self.effect.derivation,
            keeps_units=self.effect.keeps_units,
        )
        effect = self.effect
        return infer(
            inputs,
            self.outline(*inputs),
            step,
            attributes=effect.attributes,
            mixes_patients=effect.mixes_patients,
        )

    @property
    def geometry(self) -> Geometry:
        """Geometry of the result, known without pixels."""
        return self.info.geometry

    @property
    def headers(self) -> Headers:
        """One header per slice of the result, known without pixels."""
        return self.info.headers

    @property
    def padding(self) -> Padding | PerSlice | None:
        """What marks pixels that were never imaged: for all slices, or one for each; None where nothing does."""
        return self.info.padding

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values of the result."""
        return self.info.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the result: slices, rows, columns, and components if there are several."""
        return self.info.shape

    # --- the graph ------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Name of the node as users write it."""
        return type(self).__name__

    @cached_property
    def inputs(self) -> Mapping[str, Node]:
        """The connected inputs by name, in order."""
        named: dict[str, Node] = {}
        for f in fields_of(type(self)):
            value = getattr(self, f.name) if f.metadata.get(_INPUT) else None
            if isinstance(value, tuple):
                named |= {f"{f.name}[{k}]": n for k, n in enumerate(value)}
            elif value is not None:
                named[f.name] = value
        return named

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters by name; mappings as dictionaries."""
        fields = [f for f in fields_of(type(self)) if not f.metadata.get(_INPUT)]
        values = {f.name.lstrip("_"): getattr(self, f.name) for f in fields}
        return {name: dict(value) if isinstance(value, Mapping) else value for name, value in values.items()}

    @property
    def parameter_text(self) -> str:
        """The parameters as a user would write them."""
        return ", ".join(f"{k}={_short(v)}" for k, v in self.parameters.items() if _is_told(v))

    @cached_property
    def key(self) -> str:
        """Digest of class, version, parameters and inputs: equal keys mean equal results."""
        cls = type(self)
        if any("key" not in n.__dict__ for n in self.inputs.values()):
            # From the readers on: a graph may be deeper than Python's calls.
            for n in graph_of(self.inputs.values()):
                _ = n.key
        inputs = [(name, n.key) for name, n in self.inputs.items()]
        # Copies keep size and time of change, and are told from what was there before by this.
        changes = [file.ctime_ns for file in self.source_files]
        name = f"{cls.__module__}.{cls.__qualname__}"
        return content_key(name, class_identity(cls), self.version, self.identity, changes, inputs)

    @property
    def source_files(self) -> tuple[SourceFile, ...]:
        """Of a reader, the files it reads, as they were when it looked at them."""
        return ()

    @property
    def is_cheap(self) -> bool:
        """Whether the result is had again as quickly as it would be read from a cache."""
        return self.at_hand

    @property
    def identity(self) -> Any:
        """What, beside class and inputs, decides the result: by default the parameters."""
        return self.parameters

    def _check_connected(self) -> None:
        for f in fields_of(type(self)):
            if _is_required(f) and getattr(self, f.name) is None:
                raise GraphError(
                    f"{self.name} has no {f.name}: connect it with 'reader >> {self.name}(...)' before asking for "
                    "its result"
                )

    # Kept: where nodes are shared, there are very many ways up to the readers.
    @cached_property
    def is_connected(self) -> bool:
        """Whether every input, up to the readers, is there."""
        required = [f.name for f in fields_of(type(self)) if _is_required(f)]
        return all(name in self.inputs for name in required) and all(n.is_connected for n in self.inputs.values())

    def with_input(self, source: Node) -> Any:
        """Return the same node, or chain of nodes, with its open input connected to a source.

        Connected to a stack, a node that is for one volume becomes a stack: of itself for each volume.

        Raises
        ------
        GraphError
            If no input is open.
        """
        way: list[tuple[Node, str]] = []
        n: Node = self
        # Down to what is open, and up again: a chain may be longer than Python's calls go deep.
        while type(n).with_input is Node.with_input:
            name = n._open_input()
            way.append((n, name))
            if getattr(n, name) is None:
                break
            n = getattr(n, name)
        else:
            source = n.with_input(source)
        for outer, name in reversed(way):
            source = outer._connected(name, source)  # noqa: SLF001 - of a node, too
        return source

    def _open_input(self) -> str:
        for f in fields_of(type(self)):
            value = getattr(self, f.name)
            if value is None:
                is_open = _is_required(f)
            else:
                is_open = isinstance(value, Node) and bool(f.metadata.get(_INPUT)) and not value.is_connected
            if is_open:
                return f.name
        raise GraphError(
            f"{self.name} takes no input here: its inputs are connected already, or it is a reader. Write "
            "'reader >> filter >> writer', from left to right"
        )

    def each(self, make: Callable[[Node], Node]) -> Node:
        """Return what a function makes of the node; of a stack, the stack of what it makes of each volume."""
        return make(self)

    def _connected(self, name: str, source: Node) -> Node:
        if self.takes_stacks:
            return self._with(name, source)
        return source.each(lambda volume: self._with(name, volume))

    def _with(self, name: str, source: Node) -> Self:
        connected: Self = attrs.evolve(self, **{name: source})  # type: ignore[misc]
        # What can be known to be wrong is said where the graph is built.
        if connected.is_connected:
            connected.check()
        return connected

    def check(self) -> None:
        """Raise what can be known to be wrong without pixels."""
        _ = self.info

    def __rshift__(self, other: Any) -> Any:
        if not isinstance(other, Node):
            return NotImplemented
        return other.with_input(self)

    def __rrshift__(self, other: Any) -> Any:
        return self.with_input(as_node(other))

    def walk(self) -> Iterator[Node]:
        """Iterate over the nodes of the graph, inputs before those that use them, each once."""
        return iter(graph_of([self]))

    def __bool__(self) -> bool:
        raise GraphError(
            f"{self.name} is lazy and has no truth value: combine conditions with & and |, and update() a node to "
            "look at its values"
        )

    def __repr__(self) -> str:
        text = f"{self.name}({self.parameter_text})"
        sources = ", ".join(n.name for n in self.inputs.values())
        return f"{text} of {sources}" if sources else text

    # --- running --------------------------------------------------------------------------------

    def update(
        self,
        *,
        memory: int | str | None = None,
        workers: int | None = None,
        progress: bool | Show | None = None,
        cancel: threading.Event | None = None,
        cache: ResultCache | None = None,
        spill: str | os.PathLike[str] | None = None,
    ) -> Any:
        """Compute the result and return it: an ``Image`` or ``ImageStack``, or for a writer what was written.

        Parameters
        ----------
        memory : int or str, optional
            Most bytes to use for slabs at work and for what is needed whole, e.g. ``"300MB"``; a quarter of what is
            free if not given. What does not fit is set aside in files. The result itself is not counted.
        workers : int, optional
            Threads; as many as there are cores if not given.
        progress : bool or callable, optional
            True or False to show progress or not; a callable gets a ``Progress`` each time some slices are done. By
            default it is shown in notebooks and on terminals.
        cancel : threading.Event, optional
            When set by another thread, the run stops and raises ``CancelledError``.
        cache : ResultCache, optional
            Where results are looked up and kept.
        spill : path, optional
            Folder for what does not fit in memory; that of temporary files (``TMPDIR``) if not given. The files have
            no names, and are gone with the process.
        """
        from slicewise.pipeline.run import RunOptions, update

        options = RunOptions(memory=memory, workers=workers, progress=progress, cancel=cancel, cache=cache, spill=spill)
        return update(self, options)

    def profile(
        self,
        *,
        memory: int | str | None = None,
        workers: int | None = None,
        progress: bool | Show | None = None,
        cancel: threading.Event | None = None,
        cache: ResultCache | None = None,
        spill: str | os.PathLike[str] | None = None,
    ) -> Profile:
        """Compute the result as ``update`` does, and tell what each node took: time, threads and memory.

        The parameters and errors are those of ``update``.
        """
        from slicewise.pipeline.profile import profile
        from slicewise.pipeline.run import RunOptions

        options = RunOptions(memory=memory, workers=workers, progress=progress, cancel=cancel, cache=cache, spill=spill)
        return profile(self, options)

    def explain(
        self,
        *,
        memory: int | str | None = None,
        workers: int | None = None,
        cache: ResultCache | None = None,
    ) -> str:
        """Return a text that shows the graph: what is read, streamed, needed whole, there already; how much memory.

        The parameters are those of ``update``.
        """
        from slicewise.pipeline.explain import explain
        from slicewise.pipeline.plan import Limits

        return explain(self, Limits.of(memory, workers), cache)


@node
class Filter(Node):
    """A node with one input."""

    input: Node | None = input_node(default=None, kw_only=True)


def _is_required(field: attrs.Attribute[Any]) -> bool:
    return bool(field.metadata.get(_INPUT)) and not field.metadata.get(_OPTIONAL)


def _is_told(value: Any) -> bool:
    return value is not None and not (isinstance(value, Mapping) and not value)


def _short(value: Any) -> str:
    if callable(value) and hasattr(value, "__name__"):
        return str(value.__name__)
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
