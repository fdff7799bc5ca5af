#!/bin/sh
# Makes the Go stubs, the REST gateway and its OpenAPI description from the .proto files beside this script.
# Needs Go and protoc (Debian: protobuf-compiler; $PROTOC names another one). The plugins are pinned here.
set -eu
cd "$(dirname "$0")"
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
export GOBIN="$bin" PATH="$bin:$PATH"
go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.11
go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2
go install github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-grpc-gateway@v2.29.0
go install github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-openapiv2@v2.29.0

module=github.com/fulmen-ln/fulmen
find .. -name '*.pb.go' -o -name '*.pb.gw.go' | xargs rm -f
${PROTOC:-protoc} -I . \
	--go_out=../.. --go_opt=module=$module \
	--go-grpc_out=../.. --go-grpc_opt=module=$module \
	--grpc-gateway_out=../.. --grpc-gateway_opt=module=$module,grpc_api_configuration=rest.yaml \
	--openapiv2_out=. --openapiv2_opt=grpc_api_configuration=rest.yaml,allow_merge=true,merge_file_name=rest,json_names_for_fields=false \
	$(find . -name '*.proto' | sed 's|^\./||' | sort)
