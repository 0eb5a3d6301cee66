"""Certificates are read as Kubernetes mounts them, and read again when they change into others that can be used."""

import pytest
import trustme

from tidewright.serving.certificates import Certificates, CertificatesRefused


@pytest.fixture
def folder(tmp_path):
    issue(tmp_path)
    return tmp_path


def issue(folder, *, key=True, certificate=True):
    issued = trustme.CA().issue_cert("localhost")
    if certificate:
        issued.cert_chain_pems[0].write_to_path(folder / "tls.crt")
    if key:
        issued.private_key_pem.write_to_path(folder / "tls.key")


def authority(folder):
    trustme.CA().cert_pem.write_to_path(folder / "ca.crt")


def test_clients_need_a_certificate_where_an_authority_is_mounted(folder):
    assert not Certificates(folder).mutual
    authority(folder)
    assert Certificates(folder).mutual


@pytest.mark.parametrize("missing", ["tls.crt", "tls.key"])
def test_a_file_that_is_missing_is_named(folder, missing):
    (folder / missing).unlink()
    with pytest.raises(CertificatesRefused, match=f"{missing} is missing; mount the Secret there"):
        Certificates(folder)


def test_a_key_of_another_certificate_is_refused(folder):
    issue(folder, certificate=False)
    with pytest.raises(CertificatesRefused, match="must belong together"):
        Certificates(folder)


def test_what_is_no_certificate_is_refused(folder):
    (folder / "tls.crt").write_text("nonsense")
    with pytest.raises(CertificatesRefused, match="be in PEM"):
        Certificates(folder)


def test_nothing_changes_while_the_files_are_the_same(folder):
    certificates = Certificates(folder)
    before = certificates.pem
    assert not certificates.refresh()
    assert certificates.pem is before


def test_a_change_is_taken_over_once_it_is_whole(folder):
    certificates = Certificates(folder)
    before = certificates.pem
    (folder / "tls.key").write_text("")
    assert not certificates.refresh()
    assert certificates.pem is before
    issue(folder)
    assert certificates.refresh()
    assert certificates.pem.chain == (folder / "tls.crt").read_bytes()


def test_an_authority_that_disappears_does_not_open_the_service(folder):
    authority(folder)
    certificates = Certificates(folder)
    (folder / "ca.crt").unlink()
    issue(folder)
    assert not certificates.refresh()
    assert certificates.mutual
    assert certificates.pem.clients is not None
