"""The one setting that pyproject.toml cannot express: `notebooks/` is installed as `workbench.notebooks`."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["workbench", "workbench.*"]), "workbench.notebooks"],
    package_dir={"workbench.notebooks": "notebooks"},
    package_data={
        "workbench": ["recipes/*.yaml", "reports/*.j2", "widgets/*.js"],
        "workbench.notebooks": ["*.ipynb"],
    },
)
