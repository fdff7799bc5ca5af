#!/bin/sh
# Makes the Go stubs and the REST gateway from the .proto files in rpc/proto.
# Needs Go and protoc (Debian: protobuf-compiler; $PROTOC names another one). The plugins are pinned here.
set -eu
cd "$(dirname "$0")/proto"
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
export GOBIN="$bin" PATH="$bin:$PATH"
go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.11
go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2
go install github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-grpc-gateway@v2.29.0

module=github.com/fulmen-ln/fulmen
find .. \( -name '*.pb.go' -o -name '*.pb.gw.go' \) -exec rm -f {} +
${PROTOC:-protoc} -I . \
	--go_out=../.. --go_opt=module=$module \
	--go-grpc_out=../.. --go-grpc_opt=module=$module \
	--grpc-gateway_out=../.. --grpc-gateway_opt=module=$module,grpc_api_configuration=rest.yaml \
	$(find . -name '*.proto' | sed 's|^\./||' | sort)
