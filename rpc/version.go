package rpc

import (
	"context"
	"fmt"
	"runtime"

	"github.com/fulmen-ln/fulmen/internal/build"
	"github.com/fulmen-ln/fulmen/rpc/verrpc"
)

// buildTags tells clients, in LND's words, which optional services are served.
var buildTags = []string{"walletrpc"}

// commit says which Fulmen speaks the API of build.APIVersion.
func commit() string { return "fulmen-" + build.Version }

// versioner serves verrpc.Versioner.
type versioner struct {
	verrpc.UnimplementedVersionerServer
}

// GetVersion implements verrpc.VersionerServer.
func (versioner) GetVersion(context.Context, *verrpc.VersionRequest) (*verrpc.Version, error) {
	v := &verrpc.Version{
		Commit:    commit(),
		Version:   build.APIVersion,
		BuildTags: buildTags,
		GoVersion: runtime.Version(),
	}
	_, err := fmt.Sscanf(build.APIVersion, "%d.%d.%d-%s", &v.AppMajor, &v.AppMinor, &v.AppPatch, &v.AppPreRelease)
	return v, err
}
