"""TLS as WeChat asks for it: versions, chain, dates and name of the certificate, each tried by handshakes."""

import socket
import ssl
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from .findings import CannotRun, Finding, check, critical, ok, warning

if TYPE_CHECKING:
    from .installation import Installation

SOCKET_SECONDS = 5
DAY = 86400
# certbot renews a certificate 30 days before its end: a younger end means that renewal fails.
RENEWAL_LATE, RENEWAL_FAILED = 20 * DAY, 7 * DAY
OLD = {"1.0": ssl.TLSVersion.TLSv1, "1.1": ssl.TLSVersion.TLSv1_1}
CURRENT = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

# OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which ssl.VerifyFlags does not name: an expired certificate has its own check.
NO_CHECK_TIME = 0x200000
SELF_SIGNED = {18, 19}  # X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN
EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED
NO_ISSUER = {20, 21}  # X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE


def unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def connect(installation: "Installation", context: ssl.SSLContext) -> ssl.SSLSocket:
    raw = socket.create_connection(installation.tls, timeout=SOCKET_SECONDS)
    try:
        return context.wrap_socket(raw, server_hostname=installation.host)
    except BaseException:
        raw.close()
        raise


def unreachable(installation: "Installation", error: OSError) -> CannotRun:
    host, port = installation.tls
    reason = error.strerror or str(error)
    return CannotRun(
        _("No TLS connection to %(host)s, port %(port)d: %(error)s.") % {"host": host, "port": port, "error": reason}
    )


@check("tls-connection", needs_url=True)
def server_can_be_reached(installation: "Installation") -> Finding:
    try:
        connect(installation, unverified()).close()
    except OSError as error:
        return critical(
            str(unreachable(installation, error)),
            _("See where the name leads, whether the firewall lets port 443 in, and: systemctl status nginx"),
        )
    return ok(_("The server speaks TLS."))


# --- Versions ---------------------------------------------------------------------------------------


def offers(installation: "Installation", version: ssl.TLSVersion) -> bool:
    context = unverified()
    # Without it OpenSSL 3 refuses the old versions itself, which would prove nothing.
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    try:
        connect(installation, context).close()
    except ssl.SSLError as error:
        if error.reason == "NO_PROTOCOLS_AVAILABLE":
            raise CannotRun(_("The OpenSSL of this machine cannot try old versions of TLS.")) from error
        return False
    except (ConnectionResetError, BrokenPipeError):
        return False
    except OSError as error:
        raise unreachable(installation, error) from error
    return True


@check("tls-old", needs_url=True)
def old_versions_are_refused(installation: "Installation") -> Finding:
    if not any(offers(installation, version) for version in CURRENT.values()):
        raise CannotRun(_("The server speaks no TLS 1.2 or 1.3."))
    if found := [name for name, version in OLD.items() if offers(installation, version)]:
        return critical(
            _("The server offers TLS %(versions)s.") % {"versions": ", ".join(found)},
            _("nginx: ssl_protocols TLSv1.2 TLSv1.3;"),
        )
    return ok(_("TLS 1.0 and 1.1 are refused."))


@check("tls-versions", needs_url=True)
def current_versions_are_offered(installation: "Installation") -> Finding:
    remedy = _("nginx: ssl_protocols TLSv1.2 TLSv1.3;")
    missing = [name for name, version in CURRENT.items() if not offers(installation, version)]
    if "1.2" in missing:
        return critical(_("The server does not offer TLS 1.2, which WeChat uses."), remedy)
    if missing:
        return warning(_("The server does not offer TLS 1.3."), remedy)
    return ok(_("TLS 1.2 and 1.3 are offered."))


# --- The certificate --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Certificate:
    chain_error: int  # of OpenSSL's verification without the dates, 0 for none
    error_today: int  # of the whole verification
    starts_at: float
    ends_at: float
    names: list[str]
    fits: bool


def read_certificate(installation: "Installation") -> Certificate | None:
    if not installation.host:
        return None
    try:
        with connect(installation, unverified()) as connection:
            pem = ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True) or b"")
        chain_error, _parsed = verify(installation, trusting_the_system(NO_CHECK_TIME))
        error_today, _parsed = verify(installation, trusting_the_system())
        # Python parses a certificate only after its verification, so each handshake trusts the certificate itself.
        _error, parsed = verify(installation, trusting(pem))
        by_name = trusting(pem)
        by_name.check_hostname = True
        name_error, _parsed = verify(installation, by_name)
    except OSError as error:
        raise unreachable(installation, error) from error
    if not parsed:
        raise CannotRun(_("The certificate cannot be read."))
    return Certificate(
        chain_error=chain_error,
        error_today=error_today,
        starts_at=ssl.cert_time_to_seconds(parsed["notBefore"]),
        ends_at=ssl.cert_time_to_seconds(parsed["notAfter"]),
        names=[name for _kind, name in parsed.get("subjectAltName", ())],
        fits=not name_error,
    )


def trusting_the_system(flags: int = 0) -> ssl.SSLContext:
    paths = ssl.get_default_verify_paths()
    if not (paths.cafile or paths.capath):
        raise CannotRun(_("This machine knows no certificate authorities: install the package ca-certificates."))
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_flags |= flags
    return context


def trusting(pem: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=pem)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | NO_CHECK_TIME
    return context


def verify(installation: "Installation", context: ssl.SSLContext) -> tuple[int, dict[str, Any]]:
    """(OpenSSL's error or 0, the certificate as Python parses it)."""
    try:
        with connect(installation, context) as connection:
            return 0, connection.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        return error.verify_code, {}


@check("tls-chain", needs_url=True)
def chain_is_complete(installation: "Installation") -> Finding:
    certificate = installation.certificate.result()
    error = certificate.chain_error
    remedy = _("nginx, file of ssl_certificate: the certificate first, then the intermediates of its issuer.")
    if error in NO_ISSUER:
        return critical(
            _("The server does not send the intermediate certificate. Browsers forgive that, WeChat does not."),
            remedy,
        )
    if error in SELF_SIGNED:
        return critical(
            _("The certificate is not from a known certificate authority."),
            _("Use a certificate of a public authority; certbot gets one for free."),
        )
    if error:
        return critical(
            _("The chain of the certificate is not valid: error %(code)d of OpenSSL.") % {"code": error},
            _("openssl s_client -connect %(host)s:443 shows the chain.") % {"host": installation.host},
        )
    if certificate.error_today == EXPIRED and time.time() < certificate.ends_at:
        return critical(
            _("An intermediate certificate has expired, the certificate itself has not."),
            remedy,
        )
    return ok(_("The chain of the certificate is complete."))


@check("tls-expiry", needs_url=True)
def certificate_is_valid_now(installation: "Installation") -> Finding:
    certificate = installation.certificate.result()
    left = certificate.ends_at - time.time()
    end = datetime.fromtimestamp(certificate.ends_at, UTC).date().isoformat()
    remedy = _("certbot renew --dry-run says why it is not renewed; with files, install the next one.")
    if certificate.starts_at > time.time():
        return critical(_("The certificate is not valid yet."), _("Compare the clock of the server with the time."))
    if left < 0:
        return critical(_("The certificate expired on %(day)s.") % {"day": end}, remedy)
    text = _("The certificate is valid until %(day)s.") % {"day": end}
    if left < RENEWAL_FAILED:
        return critical(text, remedy)
    if left < RENEWAL_LATE:
        return warning(text, remedy)
    return ok(text)


@check("tls-name", needs_url=True)
def certificate_has_the_name(installation: "Installation") -> Finding:
    certificate = installation.certificate.result()
    if certificate.fits:
        return ok(_("The certificate is for %(host)s.") % {"host": installation.host})
    return critical(
        _("The certificate is not for %(host)s but for %(names)s.")
        % {"host": installation.host, "names": ", ".join(certificate.names) or "–"},
        _("Get a certificate with this name, or use the address that it names."),
    )
