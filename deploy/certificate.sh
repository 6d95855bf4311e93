#!/bin/bash
# Checks a certificate, installs it and reloads nginx. install.sh, certbot's renewals and the operator call it.
#
#   scoring certificate --certificate FULLCHAIN.PEM --key KEY.PEM
#   deploy/certificate.sh --check DOMAIN …    checks it and changes nothing
set -euo pipefail
# shellcheck source=deploy/lib.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib.sh"

certificate='' key='' only_check=''
while [ $# -gt 0 ]; do
    case $1 in
    --certificate) certificate=${2:-} ;;
    --key) key=${2:-} ;;
    --check) only_check=${2:-} ;;
    *) fail "unknown option $1; usage: scoring certificate --certificate FILE --key FILE" ;;
    esac
    shift 2 || fail "the option $1 needs a value"
done

# The file has the leaf first; openssl x509 reads the first certificate of a file.
check() {
    local domain=$1 public
    [ -r "$certificate" ] || fail "cannot read the certificate ${certificate:-(none was given)}: check --certificate"
    [ -r "$key" ] || fail "cannot read the key ${key:-(none was given)}: check --key"
    openssl x509 -in "$certificate" -noout 2>/dev/null || fail "$certificate is not a certificate in PEM form"
    public=$(openssl pkey -in "$key" -passin pass: -pubout 2>/dev/null) ||
        fail "$key is not a private key in PEM form without a passphrase"
    [ "$public" = "$(openssl x509 -in "$certificate" -noout -pubkey)" ] ||
        fail "the key $key does not fit the certificate $certificate: give the pair that was issued together"
    openssl x509 -in "$certificate" -noout -checkend 0 >/dev/null ||
        fail "the certificate $certificate has expired: get a new one"
    openssl x509 -in "$certificate" -noout -checkhost "$domain" | grep -q 'does match' ||
        fail "the certificate $certificate is not for $domain: it is for $(openssl x509 -in "$certificate" -noout \
            -ext subjectAltName 2>/dev/null | sed -n 's/^ *DNS:/DNS:/p')"
    openssl verify -CApath /etc/ssl/certs -untrusted "$certificate" "$certificate" >/dev/null 2>&1 ||
        fail "the certificate $certificate does not lead to an authority that this machine trusts. The file must have" \
            "the certificate of the site first and then every intermediate; browsers forgive a missing one, WeChat does not." \
            "For an authority of your own: put its root into /usr/local/share/ca-certificates and run update-ca-certificates"
}

put() {
    local domain=$1
    if ! cmp -s "$certificate" "$TLS_DIR/fullchain.pem" || ! cmp -s "$key" "$TLS_DIR/key.pem"; then
        install -d -m 750 "$TLS_DIR"
        install -m 600 "$key" "$TLS_DIR/key.pem.new"
        install -m 644 "$certificate" "$TLS_DIR/fullchain.pem.new"
        due nginx
        mv "$TLS_DIR/key.pem.new" "$TLS_DIR/key.pem"
        mv "$TLS_DIR/fullchain.pem.new" "$TLS_DIR/fullchain.pem"
        say "installed the certificate of $domain, valid until$(openssl x509 -in "$certificate" -noout -enddate | cut -d = -f 2 |
            sed 's/^/ /')"
    fi
    is_due nginx || return 0
    if systemctl --quiet is-active nginx; then
        nginx -t -q || fail "nginx refuses its configuration, see above; it runs on with the old certificate"
        systemctl reload nginx
    fi
    settled nginx
}

if [ -n "$only_check" ]; then
    check "$only_check"
    exit
fi
need_root
read_install_conf
check "$DOMAIN"
put "$DOMAIN"
