import inspect
import re

import pytest

from detector import errors
from detector.errors import DetectorError


def classes():
    return {name: one for name, one in vars(errors).items() if inspect.isclass(one)}


def drawn():
    parents, path = {}, []
    for line in errors.__doc__.splitlines():
        found = re.match(r"^    ((?:[│ ]   )*(?:[├└]── )?)(\w+Error)\b", line)
        if found:
            depth = len(found[1]) // 4
            del path[depth:]
            parents[found[2]] = path[-1] if path else None
            path.append(found[2])
    return parents


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes():
    real = {name: None if one is DetectorError else one.__base__.__name__ for name, one in classes().items()}
    assert drawn() == real
    assert drawn()["DetectorError"] is None


def test_every_error_is_public_and_has_the_sentence_of_the_tree():
    assert errors.__all__ == sorted([*classes(), "refusal"])
    for one in classes().values():
        assert one.__doc__
        assert issubclass(one, DetectorError)


@pytest.mark.parametrize("name", sorted(classes()))
def test_one_handler_catches_every_error_and_shows_its_line(name):
    with pytest.raises(DetectorError, match=r"^what happened$"):
        raise classes()[name]("what happened")
