"""Reads tensors out of a PyTorch checkpoint (.pth, the pre-1.6 stream format) without PyTorch.

The format is a row of pickles (magic, protocol, system, state dict, storage keys) and then, for each
key in order, an int64 element count and the raw elements. The unpickler resolves nothing but the few
names such a file needs, so a hostile file cannot run code.
"""

import collections
import pickle
import struct

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
DTYPES = {"FloatStorage": np.float32, "DoubleStorage": np.float64, "LongStorage": np.int64,
          "IntStorage": np.int32, "HalfStorage": np.float16}


class _Storage:
    """Elements that arrive after the pickle that names them."""

    def __init__(self, dtype, count):
        self.dtype, self.count, self.data = np.dtype(dtype), count, None


class _Tensor:
    def __init__(self, storage, offset, size, stride):
        self.storage, self.offset, self.size, self.stride = storage, offset, size, stride

    def numpy(self):
        flat = self.storage.data
        last = self.offset + sum((n - 1) * s for n, s in zip(self.size, self.stride))
        if any(n == 0 for n in self.size):
            return np.zeros(self.size, flat.dtype)
        if min((self.offset, *self.stride), default=0) < 0 or last >= flat.size:
            raise ValueError("a tensor reaches outside its storage")
        strides = [s * flat.itemsize for s in self.stride]
        view = np.lib.stride_tricks.as_strided(flat[self.offset:], self.size, strides)
        return np.ascontiguousarray(view)


def _rebuild_tensor(storage, offset, size, stride, *_):
    return _Tensor(storage, offset, tuple(size), tuple(stride))


class _Unpickler(pickle.Unpickler):
    def __init__(self, file, storages):
        super().__init__(file)
        self._storages = storages

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in DTYPES:
            return name
        raise pickle.UnpicklingError(f"the checkpoint asks for {module}.{name}, which is not a tensor")

    def persistent_load(self, key):
        kind, storage_type, name, _, count = key[:5]
        if kind != "storage":
            raise pickle.UnpicklingError(f"unknown persistent object {kind!r}")
        return self._storages.setdefault(name, _Storage(DTYPES[storage_type], count))


def load(path):
    """Returns {name: numpy array} in the file's order."""
    with open(path, "rb") as file:
        storages = {}
        def read():
            return _Unpickler(file, storages).load()
        if read() != MAGIC:
            raise ValueError(f"{path}: not a PyTorch checkpoint of the stream format")
        read()  # protocol version
        if not read().get("little_endian", True):
            raise ValueError(f"{path}: written on a big-endian machine")
        state = read()
        for key in read():
            storage = storages[key]
            (count,) = struct.unpack("<q", file.read(8))
            if count != storage.count:
                raise ValueError(f"{path}: storage {key} holds {count} elements, expected {storage.count}")
            storage.data = np.frombuffer(file.read(count * storage.dtype.itemsize), storage.dtype)
        return {name: tensor.numpy() for name, tensor in state.items()}
