"""What `make install` puts under a prefix is enough for a program elsewhere: by pkg-config, by
CMake's find_package, as C11 and as C++; the tree may be moved afterwards. The library has a
versioned name and the shell finds it without help."""
import os
import re
import shutil
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.dirname(os.environ.get("PS_LIBRARY", f"{ROOT}/build/dev/libpenstock.so"))
PROGRAM = r"""
#include <penstock.h>
#include <stdio.h>
int main(void)
{
    ps_instance *instance = NULL;
    static ps_error error;
    if (ps_instance_new(NULL, &instance, &error) != PS_OK) return 1;
    ps_instance_free(instance);
    printf("%s\n", ps_version());
    return 0;
}
"""
PROJECT = """
cmake_minimum_required(VERSION 3.16)
project(user C)
find_package(penstock %s REQUIRED)
add_executable(user user.c)
target_link_libraries(user penstock::penstock)
"""


def run(command, **more):
    env = {**os.environ, **more.pop("env", {})}
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=env, timeout=120, check=False, **more)
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return done.stdout


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


class Installed:
    """A prefix that was installed, then moved; a folder for programs. Both go with the block."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="penstock-install-")
        first, self.prefix = f"{self.folder}/first", f"{self.folder}/moved"
        run(["cmake", "--install", BUILD, "--prefix", first])
        os.rename(first, self.prefix)
        self.lib = os.path.dirname(self.find("libpenstock.so"))
        self.version = re.search(r'PS_VERSION "([^"]+)"',
                                 open(f"{self.prefix}/include/penstock.h", encoding="utf-8").read())[1]
        return self

    def find(self, name):
        for folder, _, files in os.walk(self.prefix):
            if name in files:
                return os.path.join(folder, name)
        raise AssertionError(f"{name} was not installed")

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def pkg_config(self, *words):
        folder = os.path.dirname(self.find("penstock.pc"))
        return run(["pkg-config", *words, "penstock"], env={"PKG_CONFIG_PATH": folder}).split()

    def check(self, program):
        out = run([program], env={"LD_LIBRARY_PATH": self.lib}, cwd="/")
        assert out.strip() == self.version, out


def test_pkg_config_c_and_cxx():
    with Installed() as tree:
        flags = tree.pkg_config("--cflags", "--libs")
        assert tree.pkg_config("--modversion") == [tree.version]
        for compiler, standard, suffix in (("cc", "c11", "c"), ("c++", "c++11", "cc")):
            source = write(f"{tree.folder}/user.{suffix}", PROGRAM)
            program = f"{tree.folder}/user_{suffix}"
            run([compiler, f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Werror", source,
                 "-o", program, *flags], cwd=tree.folder)
            tree.check(program)


def test_cmake_package():
    with Installed() as tree:
        write(f"{tree.folder}/user.c", PROGRAM)
        write(f"{tree.folder}/CMakeLists.txt", PROJECT % tree.version)
        run(["cmake", "-S", tree.folder, "-B", f"{tree.folder}/build",
             f"-DCMAKE_PREFIX_PATH={tree.prefix}"])
        run(["cmake", "--build", f"{tree.folder}/build"])
        tree.check(f"{tree.folder}/build/user")


def test_library_name_and_shell():
    with Installed() as tree:
        major = tree.version.split(".", maxsplit=1)[0]
        dynamic = run(["readelf", "-d", f"{tree.lib}/libpenstock.so"])
        assert f"soname: [libpenstock.so.{major}]" in dynamic, dynamic
        for name in (f"libpenstock.so.{major}", f"libpenstock.so.{tree.version}"):
            tree.find(name)
        assert run([tree.find("penstock"), "--format", "csv", "-c", "SELECT 1 AS x"]) == "x\n1\n"
        headers = os.listdir(f"{tree.prefix}/include")
        assert headers == ["penstock.h"], headers
