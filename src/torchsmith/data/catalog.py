"""The sets that are known by name: built in, or downloaded from their publishers."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torchsmith.core.vocabulary import Kind

UCI = "https://archive.ics.uci.edu/ml/machine-learning-databases"
MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist"
FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"

DATA_VARIABLE = "TORCHSMITH_DATA"


@dataclass(frozen=True)
class RemoteFile:
    """One file of a publisher.

    Attributes:
        url: Where it is.
        name: What it is called here.
        size: In bytes; 0 where the publisher does not say.
        sha256: Its hash, or empty where the publisher names only an MD5.
        md5: Its MD5, or empty.
    """

    url: str
    name: str
    size: int = 0
    sha256: str = ""
    md5: str = ""


@dataclass(frozen=True)
class Entry:
    """One set of the catalogue.

    Attributes:
        name: What `load` calls it.
        kind: Table or images.
        rows: How many examples it has, for sets in parts: train, test.
        about: What it is, in one line.
        publisher: Who publishes it.
        licence: Under which terms.
        target: The column to predict.
        folder: Where its files lie in a data folder; empty for built-in sets.
        local: The files that must lie there, each `.gz` or not.
        remote: What is downloaded; empty for built-in sets.
        classes: Names of the labels 0, 1, …; empty where the data has none.
    """

    name: str
    kind: Kind
    rows: tuple[int, ...]
    about: str
    publisher: str
    licence: str
    target: str
    folder: str = ""
    local: tuple[str, ...] = ()
    remote: tuple[RemoteFile, ...] = ()
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listing:
    """One line of `torchsmith datasets`.

    Attributes:
        entry: The set.
        state: `built in`, `found`, or `to download`.
        path: Where it was found, else None.
        size: Bytes to download or on the disk, 0 where not known.
    """

    entry: Entry
    state: Literal["built in", "found", "to download"]
    path: Path | None
    size: int


IDX_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def _idx_files(address: str, *checks: tuple[int, str]) -> tuple[RemoteFile, ...]:
    """Return the files of a publisher, given size and MD5 of each."""
    return tuple(
        RemoteFile(f"{address}/{name}", name, size, md5=md5)
        for name, (size, md5) in zip(IDX_FILES, checks, strict=True)
    )


_SKLEARN = "scikit-learn, from the UCI repository"

ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="digits",
        kind="images",
        rows=(1797,),
        about="handwritten digits, 8x8 grey",
        publisher=_SKLEARN,
        licence="CC BY 4.0",
        target="label",
    ),
    Entry(
        name="iris",
        kind="table",
        rows=(150,),
        about="three species of iris by four lengths",
        publisher=_SKLEARN,
        licence="CC BY 4.0",
        target="species",
    ),
    Entry(
        name="wine",
        kind="table",
        rows=(178,),
        about="three growers of wine by 13 measurements",
        publisher=_SKLEARN,
        licence="CC BY 4.0",
        target="class",
    ),
    Entry(
        name="breast_cancer",
        kind="table",
        rows=(569,),
        about="malignant or benign by 30 measurements of cells",
        publisher=_SKLEARN,
        licence="CC BY 4.0",
        target="diagnosis",
    ),
    Entry(
        name="diabetes",
        kind="table",
        rows=(442,),
        about="how diabetes went on after a year, by ten measurements",
        publisher="scikit-learn, from Efron et al. 2004",
        licence="not stated",
        target="progression",
    ),
    Entry(
        name="mnist",
        kind="images",
        rows=(60_000, 10_000),
        about="handwritten digits, 28x28 grey",
        publisher="Y. LeCun, C. Cortes, C. Burges; mirrored by PyTorch",
        licence="CC BY-SA 3.0",
        target="label",
        folder="mnist",
        local=IDX_FILES,
        remote=_idx_files(
            MNIST,
            (9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
            (28_881, "d53e105ee54ea40749a09fcbcd1e9432"),
            (1_648_877, "9fb629c4189551a2d022fa330f9573f3"),
            (4_542, "ec29112dd5afa0611ce80d1b7f02629c"),
        ),
    ),
    Entry(
        name="fashion_mnist",
        kind="images",
        rows=(60_000, 10_000),
        about="ten kinds of clothing, 28x28 grey",
        publisher="Zalando Research",
        licence="MIT",
        target="label",
        folder="fashion_mnist",
        local=IDX_FILES,
        remote=_idx_files(
            FASHION,
            (26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
            (29_515, "25c81989df183df01b3e8a0aad5dffbe"),
            (4_422_102, "bef4ecab320f06d8554ea6380940ec79"),
            (5_148, "bb300cfdad3c16e7a12a480ee83cd310"),
        ),
        classes=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
    ),
    Entry(
        name="california_housing",
        kind="table",
        rows=(20_640,),
        about="median house values of Californian districts, census of 1990",
        publisher="R. Pace, R. Barry; StatLib, mirrored by scikit-learn",
        licence="public domain",
        target="MedHouseVal",
        folder="california",
        local=("california_housing.csv",),
        remote=(
            RemoteFile(
                "https://ndownloader.figshare.com/files/5976036",
                "cal_housing.tgz",
                sha256="aaa5c9a6afe2225cc2aed2723682ae403280c4a3695a2ddda4ffb5d8215ea681",
            ),
        ),
    ),
    Entry(
        name="car_evaluation",
        kind="table",
        rows=(1728,),
        about="acceptability of cars by six categories",
        publisher="M. Bohanec; UCI repository",
        licence="CC BY 4.0",
        target="output",
        folder="car",
        local=("car_evaluation.csv",),
        remote=(
            RemoteFile(
                f"{UCI}/car/car.data",
                "car.data",
                51_867,
                sha256="b703a9ac69f11e64ce8c223c0a40de4d2e9d769f7fb20be5f8f2e8a619893d83",
            ),
        ),
    ),
    Entry(
        name="adult",
        kind="table",
        rows=(32_561, 16_281),
        about="income above or below 50,000 dollars, US census of 1994",
        publisher="B. Becker, R. Kohavi; UCI repository",
        licence="CC BY 4.0",
        target="income",
        folder="adult",
        local=("adult_train.csv", "adult_test.csv"),
        remote=(
            RemoteFile(
                f"{UCI}/adult/adult.data",
                "adult.data",
                3_974_305,
                sha256="5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d",
            ),
            RemoteFile(
                f"{UCI}/adult/adult.test",
                "adult.test",
                2_003_153,
                sha256="a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05",
            ),
        ),
    ),
)

NAMES: tuple[str, ...] = tuple(entry.name for entry in ENTRIES)


def entry_named(name: str) -> Entry | None:
    """Return the entry of this name, or None; `-` counts as `_`, capitals as small."""
    plain = name.lower().replace("-", "_")
    return next((entry for entry in ENTRIES if entry.name == plain), None)


def set_named(source: object) -> Entry | None:
    """Return the set that a source names, or None; a path of the same name wins."""
    entry = entry_named(source) if isinstance(source, str) else None
    return None if entry is None or Path(str(source)).exists() else entry


def entries() -> list[Listing]:
    """List the catalogue, and where each set is now."""
    listings = []
    for entry in ENTRIES:
        if not entry.folder:
            listings.append(Listing(entry, "built in", None, 0))
        elif folder := find_local(entry):
            size = sum(
                file.stat().st_size
                for name in entry.local
                if (file := file_in(folder, name))
            )
            listings.append(Listing(entry, "found", folder, size))
        else:
            size = sum(file.size for file in entry.remote)
            listings.append(Listing(entry, "to download", None, size))
    return listings


def find_local(entry: Entry) -> Path | None:
    """Return the first folder that holds all files of a set, or None.

    The folders of `TORCHSMITH_DATA` come first, then the cache of earlier downloads.
    """
    for root in [*data_folders(), cache_folder()]:
        folder = root / entry.folder
        if is_copy(entry, folder):
            return folder
    return None


def is_copy(entry: Entry, folder: Path) -> bool:
    """Whether a folder holds all files of a downloadable set."""
    return bool(entry.local) and all(file_in(folder, name) for name in entry.local)


def data_folders() -> list[Path]:
    """Return the folders that `TORCHSMITH_DATA` names."""
    named = os.environ.get(DATA_VARIABLE, "").split(os.pathsep)
    return [Path(name).expanduser() for name in named if name]


def cache_folder() -> Path:
    """Return where downloads are kept: below `$XDG_CACHE_HOME` or `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "torchsmith"


def file_in(folder: Path, name: str) -> Path | None:
    """Return a file of a folder, compressed or not."""
    plain = name.removesuffix(".gz")
    candidates = (folder / name, folder / plain, folder / f"{plain}.gz")
    return next((file for file in candidates if file.is_file()), None)
