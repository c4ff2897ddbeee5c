"""tools/bootstrap.sh where it can't go on: the reason, the packages, the command, and exit code 1.
Debian's programs are stand-ins in a folder that is all of PATH; nothing is installed."""
import os
import shutil
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NEEDED = ("basename", "bash", "cat", "cmp", "cp", "dirname", "env", "grep", "mkdir", "rm", "tail", "tr")
PRESENT = ("cmake", "git", "make", "ninja", "pkg-config", "python3") # as far as the script asks


def bootstrap(what, **programs):
    """Exit code and what was said, with these programs (name -> shell text; None: absent)."""
    with tempfile.TemporaryDirectory(prefix="penstock-bootstrap-") as folder:
        os.makedirs(f"{folder}/bin")
        os.makedirs(f"{folder}/tools")
        for name in os.listdir(f"{ROOT}/tools"):
            if name == "bootstrap.sh" or name.startswith("requirements"):
                shutil.copy(f"{ROOT}/tools/{name}", f"{folder}/tools")
        for name in NEEDED:
            os.symlink(shutil.which(name), f"{folder}/bin/{name}")
        texts = {name: "exit 0" for name in PRESENT + ("cc", "gcc", "g++")}
        texts["id"] = "echo 1000"
        texts["dpkg-query"] = "echo installed"
        texts.update({name.replace("_", "-"): text for name, text in programs.items()})
        for name, text in texts.items():
            if text is not None:
                with open(f"{folder}/bin/{name}", "w", encoding="utf-8") as file:
                    file.write(f"#!{shutil.which('sh')}\n{text}\n")
                os.chmod(f"{folder}/bin/{name}", 0o755)
        done = subprocess.run(["bash", f"{folder}/tools/bootstrap.sh", what], text=True, timeout=60,
                              env={"PATH": f"{folder}/bin", "HOME": folder}, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        return done.returncode, done.stdout


def stops(reason, packages, what="build", **programs):
    code, said = bootstrap(what, **programs)
    assert code == 1 and f"cannot go on: {reason}" in said, said
    by_hand = next(line for line in said.splitlines() if "install these by hand:" in line)
    for package in packages:
        assert f" {package}" in by_hand, said


def test_nothing_is_missing():
    code, said = bootstrap("build")
    assert (code, said) == (0, ""), said


def test_no_right_to_install():
    stops("packages are missing and there is no right to install them",
          ("libpcre2-dev", "libedit-dev", "gcc"), dpkg_query="exit 1", gcc=None)


def test_no_network():
    apt = "echo 'W: Temporary failure resolving deb.debian.org'; [ $1 = update ] || exit 100"
    stops("no network: apt-get install failed", ("libzstd-dev",), dpkg_query="exit 1", id="echo 0",
          apt_get=apt)


def test_a_package_is_not_to_be_had():
    stops("apt-get install failed (log:", ("libcmocka-dev",), what="check", dpkg_query="exit 1",
          id="echo 0", apt_get="[ $1 = update ] || exit 100")


def test_no_compiler():
    stops("no C compiler", ("gcc", "libc6-dev"), cc=None)


def test_no_python_packages():
    venv = ("mkdir -p $3/bin; echo 'echo Temporary failure in name resolution; exit 1' > $3/bin/pip;"
            " chmod +x $3/bin/pip").replace("chmod", shutil.which("chmod"))
    stops("no network: pip install failed", ("duckdb", "pyarrow"), what="check", python3=venv)


def test_another_system():
    stops("ninja is not installed and this is not a Debian system", ("ninja-build",),
          dpkg_query=None, ninja=None)
