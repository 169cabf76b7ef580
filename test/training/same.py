"""Two states of a training, compared bit by bit."""


def assert_same(case, a, b, path=""):
    """Fails the test case with the path to the first value that differs: tensors, numbers and text in dicts, lists and tuples."""
    import torch

    if isinstance(a, torch.Tensor):
        case.assertTrue(torch.equal(a, b), path)
    elif isinstance(a, dict):
        case.assertEqual(a.keys(), b.keys(), path)
        for k in a:
            assert_same(case, a[k], b[k], f"{path}.{k}")
    elif isinstance(a, (list, tuple)):
        case.assertEqual(len(a), len(b), path)
        for n, (x, y) in enumerate(zip(a, b)):
            assert_same(case, x, y, f"{path}[{n}]")
    else:
        case.assertEqual(a, b, path)
