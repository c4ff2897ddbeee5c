"""Builds tests/py/arrow_shim.c with src/base and src/col, and calls it through ctypes."""
import atexit
import ctypes
import glob
import os
import shutil
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ERROR_BYTES = 1024
STATUS_OK = 0


class Schema(ctypes.Structure):
    pass


class Array(ctypes.Structure):
    pass


SCHEMA_RELEASE = ctypes.CFUNCTYPE(None, ctypes.POINTER(Schema))
ARRAY_RELEASE = ctypes.CFUNCTYPE(None, ctypes.POINTER(Array))
Schema._fields_ = [
    ("format", ctypes.c_char_p), ("name", ctypes.c_char_p), ("metadata", ctypes.c_void_p),
    ("flags", ctypes.c_int64), ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(Schema))), ("dictionary", ctypes.POINTER(Schema)),
    ("release", ctypes.c_void_p), ("private_data", ctypes.c_void_p)]
Array._fields_ = [
    ("length", ctypes.c_int64), ("null_count", ctypes.c_int64), ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64), ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(Array))), ("dictionary", ctypes.POINTER(Array)),
    ("release", ctypes.c_void_p), ("private_data", ctypes.c_void_p)]


def sources():
    names = [n for folder in ("base", "col", "fs") for n in glob.glob(f"{ROOT}/src/{folder}/*.c")]
    return sorted(n for n in names if not os.path.basename(n).startswith("rows"))


def build():
    folder = tempfile.mkdtemp(prefix="penstock-shim-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    flags = ["-std=gnu17", "-D_GNU_SOURCE", "-DPS_DEV", "-O1", "-g", "-fPIC", "-ffp-contract=off",
             "-fvisibility=default", f"-I{ROOT}/src", f"-I{ROOT}/include"]
    flags += os.environ.get("PS_SHIM_FLAGS",
                            "").split() # -fsanitize=address, with its library preloaded
    compiler = ["ccache"] * bool(shutil.which("ccache")) + [os.environ.get("CC", "cc")]
    objects, running = [], []
    for source in sources() + [f"{ROOT}/tests/py/arrow_shim.c"]:
        objects.append(f"{folder}/{len(objects)}.o")
        running.append(subprocess.Popen(compiler + flags + ["-c", source, "-o", objects[-1]]))
        if len(running) >= 2 and running.pop(0).wait():
            raise RuntimeError("the shim doesn't compile")
    if any(process.wait() for process in running):
        raise RuntimeError("the shim doesn't compile")
    library = f"{folder}/arrow_shim.so"
    subprocess.check_call(compiler[-1:] + flags + ["-shared", "-o", library] + objects +
                          ["-ldeflate", "-llz4", "-lutf8proc", "-ldl", "-lpthread", "-lm"])
    return ctypes.CDLL(library)


class Refused(Exception):
    def __init__(self, status, message):
        super().__init__(f"{status}: {message}")
        self.status, self.message = status, message


class Shim:
    def __init__(self):
        self.library = build()
        self.library.shim_used.restype = ctypes.c_int64

    def used(self):
        """Bytes that are still charged."""
        return self.library.shim_used()

    def call(self, name, schema, array, *rest):
        error = ctypes.create_string_buffer(ERROR_BYTES)
        status = getattr(self.library, name)(ctypes.byref(schema), ctypes.byref(array), *rest,
                                             error)
        if status != STATUS_OK:
            raise Refused(status, error.value.decode())

    def export(self, batch):
        """A pyarrow batch as C structures."""
        schema, array = Schema(), Array()
        batch._export_to_c(ctypes.addressof(array), ctypes.addressof(schema))
        return schema, array

    @staticmethod
    def release(schema):
        if schema.release:
            SCHEMA_RELEASE(schema.release)(ctypes.byref(schema))

    def roundtrip_c(self, schema, array, mode):
        """C structures through ours and back to C structures; takes the array over."""
        schema_out, array_out = Schema(), Array()
        try:
            self.call("shim_roundtrip", schema, array, mode, ctypes.byref(schema_out),
                      ctypes.byref(array_out))
        finally:
            self.release(schema)
        return schema_out, array_out

    def roundtrip(self, batch, mode=0):
        import pyarrow as pa
        schema_out, array_out = self.roundtrip_c(*self.export(batch), mode)
        return pa.RecordBatch._import_from_c(ctypes.addressof(array_out),
                                             ctypes.addressof(schema_out))

    def texts(self, batch):
        """Rows of texts, as our printer writes them."""
        schema, array = self.export(batch)
        room = 64 << 20
        out = ctypes.create_string_buffer(room)
        try:
            self.call("shim_print", schema, array, out, ctypes.c_size_t(room))
        finally:
            self.release(schema)
        rows = out.value.decode().split("\x1e")[:-1]
        return [row.split("\x1f") for row in rows]

    def encodings(self, batch):
        schema, array = self.export(batch)
        out = ctypes.create_string_buffer(256)
        try:
            self.call("shim_encodings", schema, array, out)
        finally:
            self.release(schema)
        return out.value.decode()
