package ecs

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/ecs/ecstest"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/publication"
)

var (
	amd64 = platform.Platform{OS: "linux", Architecture: "amd64"}
	arm64 = platform.Platform{OS: "linux", Architecture: "arm64"}
	one   = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/api@sha256:" + strings.Repeat("1", 64)
	two   = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/api@sha256:" + strings.Repeat("2", 64)
)

const taskJSON = `{
  "family": "api", "cpu": "0.25 vCPU", "memory": "512", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
  "executionRoleArn": "arn:aws:iam::123456789012:role/ecsTaskExecutionRole",
  "containerDefinitions": [
    {"name": "api", "image": "IMAGE", "portMappings": [{"containerPort": 8080}], "environment": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}],
     "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/api", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "web"}}},
    {"name": "proxy", "image": "envoy:1", "essential": false}
  ],
  "tags": [{"key": "team", "value": "shop"}]
}`

const serviceJSON = `{"desiredCount": 2, "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}}}`

// account is a fake with a client whose waits take no time.
type account struct {
	*ecstest.Server
	client   *Client
	progress bytes.Buffer
}

func newAccount(t *testing.T) *account {
	t.Helper()
	a := &account{Server: ecstest.New("shop")}
	t.Cleanup(a.Close)
	a.client = New(aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(a.URL),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIA1", SecretAccessKey: "s"}, nil
		}),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}, &a.progress)
	clock := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	a.client.now = func() time.Time { return clock }
	a.client.pause = func(ctx context.Context, d time.Duration) error {
		clock = clock.Add(d)
		return ctx.Err()
	}
	return a
}

// first deploys the service's first image.
func (a *account) first(t *testing.T) {
	t.Helper()
	request := a.request(one)
	request.TaskDefinition, request.ServiceDefinition = task(t, taskJSON), service(t, serviceJSON)
	if d := a.deploy(t, request); d.Action != publication.Created {
		t.Fatalf("%+v", d)
	}
	a.Forget()
	a.progress.Reset()
}

func (a *account) request(image string) Request {
	return Request{Cluster: "shop", Service: "api", Image: image, Platforms: []platform.Platform{amd64, arm64}, Platform: arm64, Wait: true, Timeout: 10 * time.Minute}
}

func (a *account) deploy(t *testing.T, request Request) *publication.Deployment {
	t.Helper()
	d, err := a.client.Deploy(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// refused deploys and gives the error, which must be one line that says all of it.
func (a *account) refused(t *testing.T, request Request, says ...string) {
	t.Helper()
	d, err := a.client.Deploy(t.Context(), request)
	if err == nil {
		t.Fatalf("no error, but %+v", d)
	}
	checkLine(t, err, says...)
}

func checkLine(t *testing.T, err error, says ...string) {
	t.Helper()
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than a line: %q", err)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%q does not say %q", err, s)
		}
	}
}

func (a *account) operations() []string {
	var list []string
	for _, c := range a.Calls() {
		list = append(list, c.Operation)
	}
	return list
}

// wrote says whether anything was asked that changes something.
func (a *account) wrote() bool {
	return slices.ContainsFunc(a.operations(), func(o string) bool { return !strings.HasPrefix(o, "Describe") && !strings.HasPrefix(o, "List") })
}

func task(t *testing.T, text string) *TaskDefinition {
	t.Helper()
	d, err := ParseTaskDefinition(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func service(t *testing.T, text string) *ServiceDefinition {
	t.Helper()
	d, err := ParseServiceDefinition(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAFirstDeployMakesTheService(t *testing.T) {
	a := newAccount(t)
	request := a.request(one)
	request.TaskDefinition, request.ServiceDefinition = task(t, taskJSON), service(t, serviceJSON)
	d := a.deploy(t, request)
	if d.Action != publication.Created || d.Container != "api" || d.Rollout != "COMPLETED" || d.Desired != 2 || d.Running != 2 || !strings.HasSuffix(d.TaskDefinition, "task-definition/api:1") {
		t.Errorf("%+v", d)
	}
	made := a.Service("api").Fields
	if made["launchType"] != "FARGATE" || !breaks(made) || len(made["clientToken"].(string)) < 20 {
		t.Errorf("%v", made)
	}
	revision := a.Revision("api", 1)
	if image := container(revision, 0)["image"]; image != one {
		t.Errorf("the image is %v", image)
	}
	if image := container(revision, 1)["image"]; image != "envoy:1" {
		t.Errorf("the other container's image is %v", image)
	}
	if want := (ecstest.Object{"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}); !reflect.DeepEqual(revision["runtimePlatform"], want) {
		t.Errorf("%v", revision["runtimePlatform"])
	}
}

func breaks(service ecstest.Object) bool {
	configuration, _ := service["deploymentConfiguration"].(ecstest.Object)
	return reflect.DeepEqual(configuration["deploymentCircuitBreaker"], ecstest.Object{"enable": true, "rollback": true})
}

func container(revision ecstest.Object, n int) ecstest.Object {
	return revision["containerDefinitions"].([]any)[n].(ecstest.Object)
}

func TestAnUpdateKeepsAllButTheImage(t *testing.T) {
	a := newAccount(t)
	a.first(t)
	a.Service("api").Fields["deploymentConfiguration"] = ecstest.Object{"maximumPercent": 150, "minimumHealthyPercent": 50}
	d := a.deploy(t, a.request(two))
	if d.Action != publication.Updated || !strings.HasSuffix(d.Previous, "api:1") || !strings.HasSuffix(d.TaskDefinition, "api:2") {
		t.Errorf("%+v", d)
	}
	before, after := a.Revision("api", 1), a.Revision("api", 2)
	for name, value := range before {
		if slices.Contains([]string{"revision", "taskDefinitionArn", "containerDefinitions"}, name) {
			continue
		}
		if !same2(value, after[name]) {
			t.Errorf("%s was %v and is %v", name, value, after[name])
		}
	}
	container(before, 0)["image"] = two
	if !same2(before["containerDefinitions"], after["containerDefinitions"]) {
		t.Errorf("the containers were %v and are %v", before["containerDefinitions"], after["containerDefinitions"])
	}
	fields := a.Service("api").Fields
	if configuration := fields["deploymentConfiguration"].(ecstest.Object); !breaks(fields) || configuration["maximumPercent"] != 150.0 {
		t.Errorf("%v", configuration)
	}
	if fields["desiredCount"] != 2.0 {
		t.Errorf("desired count %v", fields["desiredCount"])
	}
}

func same2(a, b any) bool {
	one, _ := json.Marshal(a)
	two, _ := json.Marshal(b)
	return bytes.Equal(one, two)
}

func TestWhatRunsAlreadyIsLeftAlone(t *testing.T) {
	a := newAccount(t)
	a.first(t)
	for name, request := range map[string]func(*Request){
		"alone":         func(*Request) {},
		"with its file": func(r *Request) { r.TaskDefinition = task(t, taskJSON) },
		"with both files": func(r *Request) {
			r.TaskDefinition, r.ServiceDefinition = task(t, taskJSON), service(t, serviceJSON)
		},
		"without waiting": func(r *Request) { r.Wait = false },
	} {
		r := a.request(one)
		request(&r)
		d := a.deploy(t, r)
		if d.Action != publication.Unchanged || d.Rollout != "COMPLETED" || d.Previous != "" || !strings.HasSuffix(d.TaskDefinition, "api:1") || a.wrote() {
			t.Errorf("%s: %+v, %v", name, d, a.operations())
		}
		if (r.ServiceDefinition != nil) != (len(d.Notes) == 1) {
			t.Errorf("%s: notes %q", name, d.Notes)
		}
	}
}

func TestAnotherDefinitionOrPlatformIsADeployment(t *testing.T) {
	for name, change := range map[string]func(*Request){
		"an environment variable": func(r *Request) {
			r.TaskDefinition = task(t, strings.Replace(taskJSON, `"value": "2"`, `"value": "3"`, 1))
		},
		"a field taken away": func(r *Request) {
			r.TaskDefinition = task(t, strings.Replace(taskJSON, `, "essential": false`, ``, 1))
			r.Container = "api"
		},
		"the platform": func(r *Request) { r.Platform = amd64 },
		"a tag":        func(r *Request) { r.TaskDefinition = task(t, strings.Replace(taskJSON, `"shop"}`, `"sales"}`, 1)) },
		"the size":     func(r *Request) { r.TaskDefinition = task(t, strings.Replace(taskJSON, `0.25 vCPU`, `512`, 1)) },
	} {
		a := newAccount(t)
		a.first(t)
		r := a.request(one)
		change(&r)
		if d := a.deploy(t, r); d.Action != publication.Updated || a.Revisions("api") != 2 {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestASecondRunJoinsADeploymentUnderWay(t *testing.T) {
	a := newAccount(t)
	a.first(t)
	a.Look = func(int, *ecstest.Service) {}
	r := a.request(two)
	r.Wait = false
	d := a.deploy(t, r)
	if d.Rollout != "IN_PROGRESS" || d.Action != publication.Updated {
		t.Errorf("%+v", d)
	}
	if text, err := d.String("text"); err != nil || !strings.Contains(text, "in progress, not waited for") {
		t.Errorf("%s %v", text, err)
	}
	a.Forget()
	a.Look = func(n int, s *ecstest.Service) {
		if n == 3 {
			s.Complete()
		}
	}
	joined := a.deploy(t, a.request(two))
	if joined.Action != publication.Unchanged || joined.Deployment != d.Deployment || joined.Rollout != "COMPLETED" || a.wrote() {
		t.Errorf("%+v, %v", joined, a.operations())
	}
}

func TestADeploymentThatWasJoinedFailsToo(t *testing.T) {
	a := newAccount(t)
	a.first(t)
	a.Look = func(int, *ecstest.Service) {}
	r := a.request(two)
	r.Wait = false
	a.deploy(t, r)
	a.Look = func(n int, s *ecstest.Service) {
		if n == 3 {
			s.Fail()
		}
	}
	a.refused(t, a.request(two), "deployment ecs-svc/2 failed: ECS deployment circuit breaker", "the service is being rolled back to api:1")
}

func TestProgressIsToldAsItComes(t *testing.T) {
	a := newAccount(t)
	a.first(t)
	a.Service("api").Event("(service api) has reached a steady state.")
	a.Look = func(n int, s *ecstest.Service) {
		switch n {
		case 1:
			s.Event("(service api) has started 2 tasks: (task 1) (task 2).")
			s.Run(0, 2, 0)
		case 2: // the same again
		case 3:
			s.Run(1, 1, 0)
		case 4:
			s.Complete()
		}
	}
	d := a.deploy(t, a.request(two))
	want := "registered api:2: container api runs " + two + ` on linux/arm64
ID: desired 2, running 0, pending 0, failed 0
(service api) has started 2 tasks: (task 1) (task 2).
ID: desired 2, running 0, pending 2, failed 0
ID: desired 2, running 1, pending 1, failed 0
ID: desired 2, running 2, pending 0, failed 0
`
	if got := strings.ReplaceAll(a.progress.String(), d.Deployment, "ID"); got != want {
		t.Errorf("got\n%s", got)
	}
	if d.Seconds != 20 {
		t.Errorf("%v seconds", d.Seconds)
	}
}

func stopped(task, startedBy string, at int, more ecstest.Object) ecstest.Object {
	o := ecstest.Object{"taskArn": "arn:aws:ecs:eu-west-1:123456789012:task/shop/" + task, "startedBy": startedBy, "stoppedAt": 1700000000 + at}
	for name, value := range more {
		o[name] = value
	}
	return o
}

func TestARollbackIsAFailureThatSaysWhy(t *testing.T) {
	a := newAccount(t)
	a.first(t)
	a.Stopped = []ecstest.Object{
		stopped("old", "ecs-svc/1", 99, ecstest.Object{"stoppedReason": "scaling"}),
		stopped("aaa", "ecs-svc/2", 1, ecstest.Object{"stoppedReason": "first"}),
		stopped("bbb", "ecs-svc/2", 2, ecstest.Object{
			"stoppedReason": "Essential container in task exited",
			"containers": []any{
				ecstest.Object{"name": "api", "exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"},
				ecstest.Object{"name": "proxy", "exitCode": 0},
			},
		}),
	}
	a.Look = func(n int, s *ecstest.Service) {
		if n == 2 {
			s.Fail()
		}
	}
	a.refused(t, a.request(two), "deployment ecs-svc/2 failed: ECS deployment circuit breaker: tasks failed to start;", "task bbb stopped: Essential container in task exited;",
		"container api ended with exit code 137: OutOfMemoryError: Container killed due to memory usage;", "aws logs tail /ecs/api --log-stream-names web/api/bbb --since 1h --region eu-west-1;",
		"the service is being rolled back to api:1")
	if a.Revisions("api") != 2 {
		t.Errorf("%d revisions", a.Revisions("api"))
	}
	// The same again takes the revision that is there.
	a.Look = func(n int, s *ecstest.Service) { s.Complete() }
	a.Service("api").Complete()
	if d := a.deploy(t, a.request(two)); a.Revisions("api") != 2 || d.Action != publication.Updated || !strings.HasSuffix(d.TaskDefinition, "api:2") {
		t.Errorf("%d revisions, %+v", a.Revisions("api"), d)
	}
}

func TestARollbackThatIsThroughIsAFailureThoughTheServiceIsStable(t *testing.T) {
	a := newAccount(t)
	a.first(t)
	a.Look = func(n int, s *ecstest.Service) {
		s.Event("(service api) was unable to place a task.")
		s.Fail()
		s.Complete()
	}
	a.refused(t, a.request(two), "deployment ecs-svc/2", "was unable to place a task;", "the service was rolled back and runs api:1")
}

func TestAFirstDeploymentThatFailsHasNothingToGoBackTo(t *testing.T) {
	a := newAccount(t)
	a.Look = func(n int, s *ecstest.Service) { s.Fail() }
	a.Faults["ListTasks"] = []ecstest.Fault{denied("ecs:ListTasks")}
	request := a.request(one)
	request.TaskDefinition, request.ServiceDefinition = task(t, taskJSON), service(t, serviceJSON)
	a.refused(t, request, "deployment ecs-svc/1 failed", "ecs:ListTasks", "there is no earlier deployment to go back to")
	// The same is tried again, though the service names the definition already.
	a.Look = nil
	if d := a.deploy(t, request); d.Action != publication.Updated || a.Revisions("api") != 1 {
		t.Errorf("%+v, %d revisions", d, a.Revisions("api"))
	}
}

func TestAnotherPipelineThatTakesOverIsAFailure(t *testing.T) {
	a := newAccount(t)
	a.first(t)
	a.Look = func(n int, s *ecstest.Service) { s.Begin("arn:aws:ecs:eu-west-1:123456789012:task-definition/api:77") }
	a.refused(t, a.request(two), "another deployment, ecs-svc/3 with api:77, took the place of ours, ecs-svc/2")
}

// ECS's answers are consistent only eventually: that of the update, and some after it, may not know of its deployment.
func TestOurDeploymentIsWaitedForUntilItAppears(t *testing.T) {
	for _, wait := range []bool{true, false} {
		a := newAccount(t)
		a.first(t)
		a.Lag = 4
		r := a.request(two)
		r.Wait = wait
		d := a.deploy(t, r)
		if d.Action != publication.Updated || d.Deployment != "ecs-svc/2" || !strings.HasSuffix(d.TaskDefinition, "api:2") || wait && d.Rollout != "COMPLETED" {
			t.Errorf("%+v", d)
		}
	}
}

func TestADeploymentThatNeverAppearsIsAFailure(t *testing.T) {
	for _, wait := range []bool{true, false} {
		a := newAccount(t)
		a.first(t)
		a.Lag = 1000
		r := a.request(two)
		r.Wait = wait
		a.refused(t, r, "ECS shows no deployment of api:2 after 1m0s, only ecs-svc/1 with api:1: ")
	}
}

// The revision that failed is registered and its deployment may be listed yet: the next try is another deployment.
func TestAnotherTryIsNotTakenForTheOneThatFailed(t *testing.T) {
	a := newAccount(t)
	a.first(t)
	a.Look = func(n int, s *ecstest.Service) { s.Fail() }
	a.refused(t, a.request(two), "deployment ecs-svc/2 failed")
	a.Look, a.Lag = nil, 3
	if d := a.deploy(t, a.request(two)); d.Deployment != "ecs-svc/4" || d.Rollout != "COMPLETED" || a.Revisions("api") != 2 {
		t.Errorf("%+v", d)
	}
}

// A service that names our revision and whose own deployment is of another is in the middle of a change.
func TestAnotherRevisionsDeploymentIsNotSuccess(t *testing.T) {
	a := newAccount(t)
	a.first(t)
	a.Service("api").Deployments()[0]["taskDefinition"] = "arn:aws:ecs:eu-west-1:123456789012:task-definition/api:77"
	a.refused(t, a.request(one), "ECS shows no deployment of api:1", "only ecs-svc/1 with api:77")
}

func TestAnAnswerThatForgetsOurDeploymentIsAskedAgain(t *testing.T) {
	a := newAccount(t)
	a.first(t)
	a.Lag, a.Known = 3, true
	if d := a.deploy(t, a.request(two)); d.Deployment != "ecs-svc/2" || d.Rollout != "COMPLETED" {
		t.Errorf("%+v", d)
	}
}

func TestAWaitEnds(t *testing.T) {
	a := newAccount(t)
	a.first(t)
	a.Look = func(n int, s *ecstest.Service) {
		s.Run(1, 1, 3)
		if n == 1 {
			s.Event("(service api) has started 2 tasks.")
		}
	}
	a.refused(t, a.request(two), "is not complete after 10m0s: desired 2, running 1, pending 1, failed 3;", "the last event: (service api) has started 2 tasks", "--timeout")
	if looks := len(a.operations()); looks < 100 || looks > 130 {
		t.Errorf("%d requests in ten minutes", looks)
	}
}

func TestAServiceThatIsDeletedMeanwhileIsAFailure(t *testing.T) {
	a := newAccount(t)
	a.first(t)
	a.Look = func(n int, s *ecstest.Service) { s.Fields["status"] = "DRAINING" }
	a.refused(t, a.request(two), "somebody deleted the service before deployment ecs-svc/2 was complete")
}

func TestThrottlingDoesNotEndTheWait(t *testing.T) {
	a := newAccount(t)
	a.first(t)
	a.Look = func(n int, s *ecstest.Service) {
		if n == 1 {
			a.Faults["DescribeServices"] = []ecstest.Fault{{Status: 400, Code: "ThrottlingException"}, {Status: 500, Code: "ServerException"}, {Status: 400, Code: "ThrottlingException"}}
			return
		}
		s.Complete()
	}
	if d := a.deploy(t, a.request(two)); d.Rollout != "COMPLETED" || len(a.Faults["DescribeServices"]) != 0 {
		t.Errorf("%+v", d)
	}
}

func denied(action string) ecstest.Fault {
	return ecstest.Fault{Status: 400, Code: "AccessDeniedException", Message: "User: arn:aws:sts::123456789012:assumed-role/ci/x is not authorized to perform: " + action + " on resource: arn:aws:iam::123456789012:role/ecsTaskExecutionRole because no identity-based policy allows the " + action + " action"}
}

func TestARefusalNamesTheAction(t *testing.T) {
	for operation, action := range map[string]string{
		"DescribeServices": "ecs:DescribeServices", "DescribeTaskDefinition": "ecs:DescribeTaskDefinition", "RegisterTaskDefinition": "iam:PassRole", "UpdateService": "ecs:UpdateService",
	} {
		a := newAccount(t)
		a.first(t)
		a.Faults[operation] = []ecstest.Fault{denied(action)}
		a.refused(t, a.request(two), "AccessDeniedException", ": allow "+action+" to the role or user", "arn:aws:iam::123456789012:role/ecsTaskExecutionRole")
	}
	a := newAccount(t)
	a.Faults["CreateService"] = []ecstest.Fault{denied("ecs:CreateService")}
	request := a.request(one)
	request.TaskDefinition, request.ServiceDefinition = task(t, taskJSON), service(t, serviceJSON)
	a.refused(t, request, "ecs:CreateService")
}

func TestBadInputIsOneLineWithACure(t *testing.T) {
	both := strings.Replace(taskJSON, `, "essential": false`, ``, 1)
	for name, c := range map[string]struct {
		empty  bool // no service is there
		change func(*account, *Request)
		says   []string
	}{
		"no service named":       {false, func(_ *account, r *Request) { r.Service = "" }, []string{"--service"}},
		"no cluster named":       {false, func(_ *account, r *Request) { r.Cluster = "" }, []string{"--cluster"}},
		"an unknown cluster":     {false, func(_ *account, r *Request) { r.Cluster = "shops" }, []string{`no cluster "shops" in eu-west-1`, "--cluster"}},
		"an unknown service":     {true, func(*account, *Request) {}, []string{"no such service", "--service-definition FILE", "subnets and security groups"}},
		"a first without a task": {true, func(_ *account, r *Request) { r.ServiceDefinition = service(t, serviceJSON) }, []string{"--task-definition FILE"}},
		"an inactive service":    {false, func(a *account, _ *Request) { a.Service("api").Fields["status"] = "INACTIVE" }, []string{"was deleted and is inactive", "--service-definition FILE"}},
		"a draining service":     {false, func(a *account, _ *Request) { a.Service("api").Fields["status"] = "DRAINING" }, []string{"is being deleted"}},
		"CodeDeploy": {false, func(a *account, _ *Request) {
			a.Service("api").Fields["deploymentController"] = ecstest.Object{"type": "CODE_DEPLOY"}
		}, []string{"CODE_DEPLOY"}},
		"a platform lacking":     {false, func(_ *account, r *Request) { r.Platforms = []platform.Platform{amd64} }, []string{"has no linux/arm64, only linux/amd64", "--cpu-architecture X86_64"}},
		"no platform":            {false, func(_ *account, r *Request) { r.Platforms = nil }, []string{"no platform that ECS runs"}},
		"an unknown container":   {false, func(_ *account, r *Request) { r.Container = "web" }, []string{`no container "web", only api, proxy`, "--container"}},
		"an ambiguous container": {false, func(_ *account, r *Request) { r.TaskDefinition = task(t, both) }, []string{"the containers api, proxy", "--container"}},
		"a file for another service": {true, func(_ *account, r *Request) {
			r.TaskDefinition, r.ServiceDefinition = task(t, taskJSON), service(t, strings.Replace(serviceJSON, "{", `{"serviceName": "web",`, 1))
		}, []string{`says "web" where --service says "api"`}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAccount(t)
			if !c.empty {
				a.first(t)
			}
			request := a.request(two)
			c.change(a, &request)
			a.refused(t, request, append(c.says, "deploying")...)
			if a.wrote() {
				t.Errorf("%v", a.operations())
			}
		})
	}
}

func TestAnInactiveServiceIsMadeAgain(t *testing.T) {
	a := newAccount(t)
	a.first(t)
	a.Service("api").Fields["status"] = "INACTIVE"
	request := a.request(one)
	request.TaskDefinition, request.ServiceDefinition = task(t, taskJSON), service(t, serviceJSON)
	if d := a.deploy(t, request); d.Action != publication.Created || a.Revisions("api") != 1 {
		t.Errorf("%+v, %d revisions", d, a.Revisions("api"))
	}
}

func TestFilesAreReadStrictly(t *testing.T) {
	for text, says := range map[string]string{
		"":                                "it is empty",
		"{\n\"family\": \"api\",\n}":      "it is not JSON: line 3",
		"[]":                              "want a JSON object, not array",
		`{"family": "api"}`:               "it has no containerDefinitions",
		`{"containerDefinitions": [{}]}`:  "it has no family",
		`{"family": "api", "famly": "x"}`: `field "famly"`,
		`{"family": "api", "cpu": 256}`:   "cpu: want a text in quotes, not number",
		`{"taskDefinition": "api:1"}`:     "want a JSON object, not string",
		`{"family": "a", "volumes": {}}`:  "volumes: want a list, not object",
		`{"containerDefinitions": [{"memory": "512"}]}`: "memory: want a number, not string",
	} {
		if _, err := ParseTaskDefinition(text); err == nil {
			t.Errorf("%q: no error", text)
		} else {
			checkLine(t, err, "reading --task-definition: ", says)
		}
	}
	for text, says := range map[string]string{
		"":   "it is empty",
		"{}": "it has no subnets",
		`{"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}}`:            "it has no security groups",
		strings.Replace(serviceJSON, "{", `{"deploymentController": {"type": "CODE_DEPLOY"},`, 1): "CODE_DEPLOY",
		strings.Replace(serviceJSON, "desiredCount", "desired", 1):                                `field "desired"`,
		strings.Replace(serviceJSON, ": 2", `: "2"`, 1):                                           "desiredCount: want a number, not string",
	} {
		if _, err := ParseServiceDefinition(text); err == nil {
			t.Errorf("%q: no error", text)
		} else {
			checkLine(t, err, "reading --service-definition: ", says)
		}
	}
}

func TestTheFilesInTheDocsAreRead(t *testing.T) {
	page, err := os.ReadFile("../../docs/deploy.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(page, -1)
	if len(blocks) != 2 {
		t.Fatalf("docs/deploy.md has %d files", len(blocks))
	}
	a := newAccount(t)
	request := a.request(one)
	request.TaskDefinition, request.ServiceDefinition = task(t, string(blocks[0][1])), service(t, string(blocks[1][1]))
	if d := a.deploy(t, request); d.Action != publication.Created || d.Desired != 2 {
		t.Errorf("%+v", d)
	}
}

// What describe-task-definition prints is a task definition file too.
func TestADescribedDefinitionIsAFile(t *testing.T) {
	a := newAccount(t)
	a.first(t)
	described := a.Revision("api", 1)
	tags := described["-tags"]
	delete(described, "-tags")
	text, err := json.Marshal(ecstest.Object{"taskDefinition": described, "tags": tags})
	if err != nil {
		t.Fatal(err)
	}
	described["-tags"] = tags
	request := a.request(one)
	request.TaskDefinition = task(t, string(text))
	if d := a.deploy(t, request); d.Action != publication.Unchanged {
		t.Errorf("%+v", d)
	}
}

// Every field that a new revision takes is copied from a described one, also one that a later SDK brings.
func TestEveryFieldOfADefinitionIsTaken(t *testing.T) {
	var d types.TaskDefinition
	fill := reflect.ValueOf(&d).Elem()
	for i := range fill.NumField() {
		switch f := fill.Field(i); {
		case !fill.Type().Field(i).IsExported():
		case f.Kind() == reflect.Pointer:
			f.Set(reflect.New(f.Type().Elem()))
		case f.Kind() == reflect.Slice:
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
		case f.Kind() == reflect.String:
			f.SetString("x")
		case f.Kind() == reflect.Int32:
			f.SetInt(1)
		default:
			t.Fatalf("%s has the kind %s", fill.Type().Field(i).Name, f.Kind())
		}
	}
	input := reflect.ValueOf(*taken(&d, []types.Tag{{Key: aws.String("a")}, {Key: aws.String("aws:cloudformation:stack-name")}}))
	for i := range input.NumField() {
		if field := input.Type().Field(i); field.IsExported() && input.Field(i).IsZero() {
			t.Errorf("%s is left out", field.Name)
		}
	}
	if tags := input.Interface().(ecs.RegisterTaskDefinitionInput).Tags; len(tags) != 1 {
		t.Errorf("tags %v", tags)
	}
	described, err := os.ReadFile("definition.go")
	if err != nil {
		t.Fatal(err)
	}
	for i := range fill.NumField() {
		field := fill.Type().Field(i)
		if !field.IsExported() || input.FieldByName(field.Name).IsValid() {
			continue
		}
		if name := `"` + strings.ToLower(field.Name[:1]) + field.Name[1:] + `"`; !strings.Contains(string(described), name) {
			t.Errorf("%s of a described definition is not among the fields that a file may have and a revision not", name)
		}
	}
}

// Whatever the file, it is read or refused in one line.
func FuzzDefinitions(f *testing.F) {
	for _, text := range []string{taskJSON, serviceJSON, "{", `{"family": "a", "containerDefinitions": [{"dockerLabels": {"": 1}}]}`, `{"taskDefinition": null, "tags": 1}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := ParseTaskDefinition(text); err != nil {
			checkLine(t, err, "reading --task-definition: ")
		} else if !same(&d.input, &d.input) {
			t.Error("it is not the same as itself")
		}
		if _, err := ParseServiceDefinition(text); err != nil {
			checkLine(t, err, "reading --service-definition: ")
		}
	})
}

func TestArchitectures(t *testing.T) {
	for text, want := range map[string]platform.Platform{"ARM64": arm64, "X86_64": amd64, "x86_64": amd64, "amd64": amd64, "linux/arm64": arm64} {
		if got, err := ParseArchitecture(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "arm", "s390x", "windows/amd64", "ARM46"} {
		if _, err := ParseArchitecture(text); err == nil {
			t.Errorf("%q: no error", text)
		} else {
			checkLine(t, err, "ARM64 and X86_64")
		}
	}
	for _, text := range []string{"", "0s", "-1m", "ten", "10"} {
		if _, err := ParseTimeout(text); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}
