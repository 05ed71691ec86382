#!/bin/sh
# Builds Traefik from its Go module into .cache/traefik, where the bench looks for it: for machines that reach a module proxy but not
# Traefik's releases. About nine minutes on one core. Left out: the DNS providers of ACME, which need 150 further modules.
set -eu

version=3.7.13
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export GOFLAGS=-mod=mod CGO_ENABLED=0

folder_of() {
  go mod download -json "$1" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'
}

printf 'module bench.invalid/traefik\ngo 1.26.0\n' >go.mod
traefik=$(folder_of "github.com/traefik/traefik/v3@v$version")
lego_version=$(sed -n 's#^\tgithub.com/go-acme/lego/v5 ##p' "$traefik/go.mod")
cp -r "$(folder_of "github.com/go-acme/lego/v5@$lego_version")" lego
chmod -R u+w lego
rm -rf lego/providers/dns/*/
cat >lego/providers/dns/zz_gen_dns_providers.go <<'GO'
package dns

import (
	"fmt"

	"github.com/go-acme/lego/v5/challenge"
)

func NewDNSChallengeProviderByName(name string) (challenge.Provider, error) {
	return nil, fmt.Errorf("unrecognized DNS provider: %s", name)
}
GO

# A module of Traefik's own repository that no proxy has; in the free program it is empty.
mkdir ext
printf 'module github.com/traefik/traefik/dynamic/ext\ngo 1.24\n' >ext/go.mod
printf 'package ext\n\ntype HTTP struct{}\n\ntype Router struct{}\n' >ext/ext.go

cat >go.mod <<MOD
module bench.invalid/traefik
go 1.26.0
require github.com/traefik/traefik/v3 v$version
replace github.com/traefik/traefik/dynamic/ext => ./ext
replace github.com/go-acme/lego/v5 => ./lego
MOD
# Its other replacements and exclusions; an older commit of a fork, since not every proxy has the newest.
sed -n '/^replace (/,$p' "$traefik/go.mod" |
  sed 's#\(containous/go-http-auth\) .*#\1 v0.4.1-0.20200324110947-a37a7636d23e#' >>go.mod

mkdir -p "$root/.cache"
go build -p 1 -trimpath -ldflags="-s -w -X github.com/traefik/traefik/v3/pkg/version.Version=$version" \
  -o "$root/.cache/traefik" github.com/traefik/traefik/v3/cmd/traefik
"$root/.cache/traefik" version
