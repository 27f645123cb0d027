//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/aws/awstest"
)

// deployment is what --format json of deploy promises, docs/deploy.md.
type deployment struct {
	Image, Platform, Region, Cluster, Service, Container, Action, TaskDefinition, PreviousTaskDefinition, Deployment, RolloutState string
	Desired, Running                                                                                                               int
	Notes                                                                                                                          []string
}

// deployKeys are good for moto, which checks none.
const deployKeys = "AWS_ACCESS_KEY_ID=AKIAEXAMPLE\nAWS_SECRET_ACCESS_KEY=not-a-secret\nAWS_REGION=eu-west-1\n"

// withDeployments stands before moto, whose services keep the deployment that they began with whatever they are updated to: here a
// service has one deployment, of its task definition, with an id of its own.
func withDeployments(moto string) *httptest.Server {
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: moto})
	proxy.ModifyResponse = func(r *http.Response) error {
		if r.StatusCode != http.StatusOK || !strings.Contains(r.Request.Header.Get("X-Amz-Target"), "Service") {
			return nil
		}
		var answer map[string]any
		if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
			return err
		}
		services, _ := answer["services"].([]any)
		for _, one := range append(services, answer["service"]) {
			service, ok := one.(map[string]any)
			if !ok {
				continue
			}
			deployments, _ := service["deployments"].([]any)
			for _, d := range deployments {
				definition := fmt.Sprint(service["taskDefinition"])
				sum := fnv.New64a()
				sum.Write([]byte(definition)) //nolint:errcheck // a hash takes everything
				d.(map[string]any)["taskDefinition"], d.(map[string]any)["id"] = definition, fmt.Sprintf("ecs-svc/%d", sum.Sum64())
			}
		}
		body, err := json.Marshal(answer)
		if err != nil {
			return err
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
		return nil
	}
	return httptest.NewServer(proxy)
}

// network gives a subnet and a security group of moto's default VPC, whose names are random.
func network(t *testing.T, address string) (subnet, group string) {
	t.Helper()
	for action, into := range map[string]*string{"DescribeSubnets": &subnet, "DescribeSecurityGroups": &group} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/", strings.NewReader("Action="+action+"&Version=2016-11-15"))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/eu-west-1/ec2/aws4_request, SignedHeaders=host, Signature=0")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			Subnets []string `xml:"subnetSet>item>subnetId"`
			Groups  []string `xml:"securityGroupInfo>item>groupId"`
		}
		err = xml.NewDecoder(response.Body).Decode(&answer)
		response.Body.Close()
		found := append(answer.Subnets, answer.Groups...)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %v", action, found, err)
		}
		*into = found[0]
	}
	return subnet, group
}

// placed puts an image with the platforms into a repository and gives the reference with its digest. Nothing in it runs.
func placed(t *testing.T, to string, platforms ...string) string {
	t.Helper()
	repository, err := name.NewRepository(to)
	if err != nil {
		t.Fatal(err)
	}
	index, err := random.Index(10, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range platforms {
		image, err := random.Image(10, 1)
		if err != nil {
			t.Fatal(err)
		}
		of, err := v1.ParsePlatform(p)
		if err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: of}})
	}
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	reference := repository.Digest(digest.String())
	if err := remote.WriteIndex(reference, index); err != nil {
		t.Fatal(err)
	}
	return reference.Name()
}

func TestDeployToFargate(t *testing.T) {
	t.Parallel()
	// Its services reach their desired count at once.
	moto, stop := awstest.Moto(t, "MOTO_ECS_SERVICE_RUNNING=1")
	defer stop()
	server := withDeployments(moto)
	defer server.Close()
	address := server.Listener.Addr().String()
	cloud := ecs.NewFromConfig(aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String("http://" + address),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIAEXAMPLE", SecretAccessKey: "not-a-secret"}, nil
		}),
	})
	if _, err := cloud.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("shop")}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	subnet, group := network(t, address)
	write(t, dir, map[string]string{
		"task.json": `{"family": "api", "cpu": "256", "memory": "512", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
			"executionRoleArn": "arn:aws:iam::123456789012:role/ecsTaskExecutionRole", "tags": [{"key": "team", "value": "shop"}],
			"containerDefinitions": [{"name": "api", "portMappings": [{"containerPort": 8080}]}]}`,
		"service.json": fmt.Sprintf(`{"networkConfiguration": {"awsvpcConfiguration": {"subnets": [%q], "securityGroups": [%q]}}}`, subnet, group),
	})
	files := []string{"--task-definition", filepath.Join(dir, "task.json"), "--service-definition", filepath.Join(dir, "service.json")}
	deploy := func(image string, more ...string) result {
		args := append([]string{"--progress=plain", "call", "deploy", "--service", "api", "--cluster", "shop", "--image", image,
			"--aws-credentials", "env://DEPLOY_KEYS", "--aws-endpoint", "tcp://" + address}, more...)
		return daggerWith(t, []string{"DEPLOY_KEYS=" + deployKeys}, args...)
	}
	deployed := func(image string, more ...string) (d deployment, r result) {
		t.Helper()
		r = deploy(image, append([]string{"--format", "json"}, more...)...)
		if r.code != 0 {
			t.Fatalf("code %d\n%s", r.code, tail(r.stderr))
		}
		if err := json.Unmarshal([]byte(r.stdout), &d); err != nil {
			t.Fatalf("%v in\n%s", err, r.stdout)
		}
		return d, r
	}
	repository := repository(t)
	one, two := placed(t, repository, "linux/amd64", "linux/arm64"), placed(t, repository, "linux/amd64", "linux/arm64")

	if r := deploy(one); r.code == 0 || !strings.Contains(r.stderr, "there is no such service in eu-west-1") || !strings.Contains(r.stderr, "--service-definition FILE") {
		t.Errorf("a first deploy without definitions: code %d\n%s", r.code, tail(r.stderr))
	}
	first, r := deployed(one, files...)
	if first.Action != "created" || first.Image != one || first.Platform != "linux/arm64" || first.RolloutState != "COMPLETED" || first.Container != "api" || !strings.HasSuffix(first.TaskDefinition, "task-definition/api:1") {
		t.Errorf("%+v", first)
	}
	if !strings.Contains(r.stderr, "registered api:1") || !strings.Contains(r.stderr, first.Deployment+": desired 1, running 1") {
		t.Errorf("progress is not told:\n%s", tail(r.stderr))
	}
	if strings.Contains(r.stderr+r.stdout, "not-a-secret") {
		t.Error("the secret key is in the log")
	}
	for _, more := range [][]string{nil, files} {
		if same, _ := deployed(one, more...); same.Action != "unchanged" || same.TaskDefinition != first.TaskDefinition {
			t.Errorf("the same again, with %q: %+v", more, same)
		}
	}
	second, _ := deployed(two)
	if second.Action != "updated" || second.PreviousTaskDefinition != first.TaskDefinition || !strings.HasSuffix(second.TaskDefinition, "task-definition/api:2") {
		t.Errorf("%+v", second)
	}
	definition, err := cloud.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String("api")})
	if err != nil {
		t.Fatal(err)
	}
	d := definition.TaskDefinition
	if d.Revision != 2 || aws.ToString(d.ContainerDefinitions[0].Image) != two || d.RuntimePlatform.CpuArchitecture != "ARM64" || aws.ToString(d.ExecutionRoleArn) == "" {
		t.Errorf("registered %+v", d)
	}
	if r := deploy(placed(t, repository, "linux/amd64")); r.code == 0 || !strings.Contains(r.stderr, "has no linux/arm64, only linux/amd64") {
		t.Errorf("an image without the platform: code %d\n%s", r.code, tail(r.stderr))
	}
	// With an OIDC token, which moto takes whatever it is, and a region of its own: another service there.
	r = daggerWith(t, []string{"DEPLOY_TOKEN=not-a-token"}, "--silent", "call", "deploy", "--service", "api", "--cluster", "shop", "--image", two, "--region", "eu-central-1",
		"--aws-role-arn", "arn:aws:iam::123456789012:role/ci", "--aws-web-identity-token", "env://DEPLOY_TOKEN", "--aws-endpoint", "tcp://"+address)
	if r.code == 0 || !strings.Contains(r.stderr, `there is no cluster "shop" in eu-central-1`) || strings.Contains(r.stderr, "not-a-token") {
		t.Errorf("another region: code %d\n%s", r.code, tail(r.stderr))
	}
	if r := deploy(two, "--cpu-architecture", "X86_64"); r.code != 0 || !strings.Contains(r.stdout, "api in cluster shop, eu-west-1: updated") {
		t.Errorf("code %d\n%s%s", r.code, r.stdout, tail(r.stderr))
	}
}
