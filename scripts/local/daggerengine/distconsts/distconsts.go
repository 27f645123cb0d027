// Package distconsts stands in for Dagger's package of the same import path,
// which the Go module proxy does not serve: constants that its engine, CLI and
// SDK loader are built with.
//
// Dagger's own values are paths of its engine's container (/usr/local/bin/runc,
// /usr/local/share/dagger/content, …). Ours lie in one folder, on which the
// starter of the engine mounts the folder of one cache in a mount namespace of
// the engine's own: nothing has to be installed on the machine, and several
// engines run side by side.
package distconsts

// runDir is also engine.RunDir of scripts/local.
const runDir = "/run/dotnet-multiarch"

const (
	DefaultEngineSockAddr = "unix://" + runDir + "/engine.sock"
	EngineDefaultStateDir = runDir + "/state"

	RuncPath                         = runDir + "/bin/runc"
	DaggerInitPath                   = runDir + "/bin/dagger-init"
	EngineContainerBuiltinContentDir = runDir + "/content"

	// EngineCustomCACertsDir is Debian's /usr/local/share/ca-certificates in
	// Dagger's engine. Every certificate found there costs an
	// update-ca-certificates in every exec (0.3 to 0.5 s, and it fails for
	// foreign platforms): this folder does not exist unless somebody makes it.
	EngineCustomCACertsDir = runDir + "/ca-certificates"
)

// Names that the engine, its client and Dagger's SDKs agree on; as upstream.
const (
	EngineContainerName  = "dagger-engine.dev"
	OCIVersionAnnotation = "org.opencontainers.image.version"

	GoSDKManifestDigestEnvName         = "DAGGER_GO_SDK_MANIFEST_DIGEST"
	PythonSDKManifestDigestEnvName     = "DAGGER_PYTHON_SDK_MANIFEST_DIGEST"
	TypescriptSDKManifestDigestEnvName = "DAGGER_TYPESCRIPT_SDK_MANIFEST_DIGEST"
)

// Images that the engine takes when a caller names none (a terminal without a
// container, for instance); as upstream.
const (
	AlpineVersion = "3.22.2"
	AlpineImage   = "alpine:" + AlpineVersion
	BusyboxImage  = "busybox:1.37.0-musl"
	GolangImage   = "golang:1.25-alpine"
)
