// Package ecrtest is the part of AWS that a push needs, for tests: STS, ECR and its public sibling over their real wire protocols,
// and what a registry of ECR does on top of a plain one. It can be made to throttle, deny, and let tokens and sessions expire.
package ecrtest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Names that the fake knows, which are no secrets.
const (
	Account   = "123456789012"
	Role      = "arn:aws:iam::" + Account + ":role/ci"
	AccessKey = "AKIAFAKEFAKEFAKE0001"

	sessionKey = "ASIAFAKEFAKEFAKE0002"
)

// nonce makes the secrets new in each process, so that what is found of one is of this one.
var nonce = newNonce()

// Secrets of the fake; none of them is to be found anywhere after a push.
var (
	SecretKey    = "s3cr3t/of+the+caller/hunter2-" + nonce
	WebToken     = "eyJhbGciOiJub25lIn0.web-identity-hunter2-" + nonce + ".x"
	SessionKey   = "s3cr3t/of+the+session/hunter2-" + nonce
	SessionToken = "session-token-hunter2-" + nonce + "=="
)

func newNonce() string {
	b := make([]byte, 8)
	rand.Read(b) //nolint:errcheck // it never fails
	return hex.EncodeToString(b)
}

// Repository is one of the account's.
type Repository struct {
	ScanOnPush                        bool
	Mutability                        string
	Filters                           []string
	RepositoryPolicy, LifecyclePolicy string
}

// AWS is an http.Handler for the endpoints of all services and regions.
type AWS struct {
	mu sync.Mutex
	// Repositories by REGION/NAME.
	repositories map[string]*Repository
	calls        []string
	throttle     int
	failures     map[string]failure
	tokens       int
	// TokenLife is how long ECR says that a token lives.
	TokenLife time.Duration
	// Empty are the calls that are answered with an empty object.
	Empty []string
	// Before is called with each call's name before it is answered.
	Before func(call string)
}

type failure struct{ code, message string }

// New has no repository.
func New() *AWS {
	return &AWS{repositories: map[string]*Repository{}, failures: map[string]failure{}, TokenLife: 12 * time.Hour}
}

// Credentials are the text that aws configure export-credentials --format env-no-export would print.
func Credentials() string {
	return "AWS_ACCESS_KEY_ID=" + AccessKey + "\nAWS_SECRET_ACCESS_KEY=" + SecretKey + "\n"
}

// Repository gives a copy of a repository; ok is false where there is none.
func (a *AWS) Repository(region, name string) (r Repository, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if found := a.repositories[region+"/"+name]; found != nil {
		return *found, true
	}
	return Repository{}, false
}

// Make makes a repository past the API.
func (a *AWS) Make(region, name string, r Repository) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.Mutability == "" {
		r.Mutability = "MUTABLE"
	}
	a.repositories[region+"/"+name] = &r
}

// Calls are the names of what was called, in order, such as eu-west-1 CreateRepository.
func (a *AWS) Calls() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.calls)
}

// Throttle lets the next calls be refused as too many.
func (a *AWS) Throttle(calls int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.throttle = calls
}

// Fail lets a call be answered with an error from here on; an empty code ends it.
func (a *AWS) Fail(call, code, message string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if delete(a.failures, call); code != "" {
		a.failures[call] = failure{code, message}
	}
}

// Token is the password of the moment, "" before one was asked for.
func (a *AWS) Token() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.token()
}

func (a *AWS) token() string {
	if a.tokens <= 0 {
		return ""
	}
	return tokenOf(a.tokens)
}

func tokenOf(n int) string { return fmt.Sprintf("ecr-token-hunter2-%s-%d", nonce, n) }

// Secrets are all that were given out, the tokens of ECR too.
func (a *AWS) Secrets() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := []string{SecretKey, WebToken, SessionKey, SessionToken}
	for n := range abs(a.tokens) {
		all = append(all, tokenOf(n+1))
	}
	return all
}

// Expire lets registries refuse the token of the moment; the next one that is asked for is another.
func (a *AWS) Expire() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tokens = -abs(a.tokens)
}

func abs(n int) int { return max(n, -n) }

var signature = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([A-Z0-9]+)/[0-9]{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request`)

func (a *AWS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	target := r.Header.Get("X-Amz-Target")
	if target == "" {
		a.serveSTS(w, string(body))
		return
	}
	service, call, _ := strings.Cut(target, ".")
	if strings.HasPrefix(service, "Spencer") {
		call = "public " + call
	}
	signed := signature.FindStringSubmatch(r.Header.Get("Authorization"))
	if signed == nil || signed[1] != AccessKey && signed[1] != sessionKey || signed[1] == sessionKey && r.Header.Get("X-Amz-Security-Token") != SessionToken {
		refuse(w, "UnrecognizedClientException", "The security token included in the request is invalid.")
		return
	}
	if a.Before != nil {
		a.Before(call)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, signed[2]+" "+call)
	if a.throttle > 0 {
		a.throttle--
		refuse(w, "ThrottlingException", "Rate exceeded")
		return
	}
	if f, ok := a.failures[call]; ok {
		refuse(w, f.code, f.message)
		return
	}
	var in input
	if err := json.Unmarshal(body, &in); err != nil {
		refuse(w, "SerializationException", err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if err := a.answer(w, call, signed[2], in); err != nil {
		refuse(w, err.code, err.message)
	}
}

type input struct {
	RegistryID                 string `json:"registryId"`
	RepositoryName             string
	RepositoryNames            []string
	ImageTagMutability         string
	ImageScanningConfiguration struct{ ScanOnPush bool }
	PolicyText                 string
	LifecyclePolicyText        string
}

func (a *AWS) answer(w io.Writer, call, region string, in input) *failure {
	if in.RegistryID != "" && in.RegistryID != Account {
		return &failure{"AccessDeniedException", fmt.Sprintf("User: arn:aws:sts::%s:assumed-role/ci/x is not authorized to perform: ecr:%s on resource: arn:aws:ecr:%s:%s:repository/x because no resource-based policy allows the ecr:%[2]s action", Account, call, region, in.RegistryID)}
	}
	if slices.Contains(a.Empty, call) {
		fmt.Fprint(w, `{}`)
		return nil
	}
	name := in.RepositoryName
	if len(in.RepositoryNames) > 0 {
		name = in.RepositoryNames[0]
	}
	key := region + "/" + name
	found := a.repositories[key]
	if found == nil && name != "" && !strings.HasSuffix(call, "CreateRepository") {
		return &failure{"RepositoryNotFoundException", fmt.Sprintf("The repository with name '%s' does not exist in the registry with id '%s'", name, Account)}
	}
	switch call {
	case "GetAuthorizationToken":
		fmt.Fprintf(w, `{"authorizationData": [%s]}`, a.newToken())
	case "public GetAuthorizationToken":
		fmt.Fprintf(w, `{"authorizationData": %s}`, a.newToken())
	case "public DescribeRegistries":
		fmt.Fprint(w, `{"registries": [{"registryId": "`+Account+`", "aliases": [{"name": "shop"}]}]}`)
	case "CreateRepository", "public CreateRepository":
		if found != nil {
			return &failure{"RepositoryAlreadyExistsException", "it exists"}
		}
		a.repositories[key] = &Repository{ScanOnPush: in.ImageScanningConfiguration.ScanOnPush, Mutability: in.ImageTagMutability}
		fmt.Fprintf(w, `{"repository": %s}`, a.described(key))
	case "DescribeRepositories", "public DescribeRepositories":
		fmt.Fprintf(w, `{"repositories": [%s]}`, a.described(key))
	case "DeleteRepository":
		delete(a.repositories, key)
		fmt.Fprint(w, `{}`)
	case "SetRepositoryPolicy":
		found.RepositoryPolicy = in.PolicyText
		fmt.Fprint(w, `{}`)
	case "PutLifecyclePolicy":
		found.LifecyclePolicy = in.LifecyclePolicyText
		fmt.Fprint(w, `{}`)
	default:
		return &failure{"UnknownOperationException", call}
	}
	return nil
}

func (a *AWS) newToken() string {
	a.tokens = abs(a.tokens) + 1
	return fmt.Sprintf(`{"authorizationToken": %q, "expiresAt": %d}`, base64.StdEncoding.EncodeToString([]byte("AWS:"+a.token())), time.Now().Add(a.TokenLife).Unix())
}

func (a *AWS) described(key string) string {
	r := a.repositories[key]
	_, name, _ := strings.Cut(key, "/")
	filters := []map[string]string{}
	for _, f := range r.Filters {
		filters = append(filters, map[string]string{"filter": f, "filterType": "WILDCARD"})
	}
	text, err := json.Marshal(map[string]any{
		"registryId": Account, "repositoryName": name, "repositoryUri": "public.ecr.aws/shop/" + name,
		"imageTagMutability": r.Mutability, "imageTagMutabilityExclusionFilters": filters,
	})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func refuse(w http.ResponseWriter, code, message string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(http.StatusBadRequest)
	json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": message}) //nolint:errcheck // the client sees it
}
