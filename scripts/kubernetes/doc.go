// Package kubernetes holds the files of docs/kubernetes to what they are for: it renders Dagger's own Helm chart with them, as
// `helm template` does, decodes the result as strictly as an API server, and says what is wrong with it.
package kubernetes
