"""The installer of the development environment: uv is told what pip is told."""

import install


def test_settings_of_pip_are_handed_on_to_uv(tmp_path, monkeypatch):
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nindex-url = https://a/simple\nextra-index-url = https://b\n    https://c\ntimeout = 9\n"
    )
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    monkeypatch.setenv("PIP_FIND_LINKS", "/some/wheels")
    monkeypatch.setenv("SSL_CERT_FILE", "/mine")
    told = install.uv_variables()
    assert told["UV_DEFAULT_INDEX"] == "https://a/simple" and told["UV_INDEX"].split()[-2:] == [
        "https://b",
        "https://c",
    ]
    assert told["UV_FIND_LINKS"] == "/some/wheels" and told["SSL_CERT_FILE"] == "/mine"
    assert "timeout" not in told
