// Package ecstest is a stand-in for Amazon ECS in tests: its wire protocol, its defaults, its deployments list, and a
// circuit breaker that a test trips. moto, the usual one, keeps no deployments list.
package ecstest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
)

// Object is a JSON object.
type Object = map[string]any

// Fault is an answer that is an error.
type Fault struct {
	Status        int
	Code, Message string
}

// Server is one account in one region.
type Server struct {
	*httptest.Server
	// Look is called when a service is asked for whose deployment is under way, with the number of such requests since that
	// began, from 1: it moves the deployment on by Complete, Fail and their kin. nil: each is complete at once.
	Look func(n int, s *Service)
	// Lag is how many answers after an update, its own the first, show the service as it was before.
	Lag int
	// Known lets the update's own answer show it already.
	Known bool
	// Stopped are the tasks that stopped, as DescribeTasks gives them.
	Stopped []Object
	// Faults are answered first, one a call, by operation.
	Faults map[string][]Fault

	mu          sync.Mutex
	calls       []Call
	clusters    []string
	definitions map[string][]Object
	services    map[string]*Service
	looks       int
	next        int
	lagging     int
	old         Object
}

// Call is one request.
type Call struct {
	Operation string
	Input     Object
}

// Service is one service; its Fields are those of DescribeServices.
type Service struct {
	Fields Object
	server *Server
}

const arn = "arn:aws:ecs:eu-west-1:123456789012:"

// New starts a server with the clusters.
func New(clusters ...string) *Server {
	s := &Server{Faults: map[string][]Fault{}, clusters: clusters, definitions: map[string][]Object{}, services: map[string]*Service{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	return s
}

// Calls gives all requests so far.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Forget drops the requests so far.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = nil
}

// Service gives a service by name, nil where there is none.
func (s *Server) Service(name string) *Service { return s.services[name] }

// Revision gives a revision of a family, from 1.
func (s *Server) Revision(family string, n int) Object { return s.definitions[family][n-1] }

// Revisions counts those of a family.
func (s *Server) Revisions(family string) int { return len(s.definitions[family]) }

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonEC2ContainerServiceV20141113.")
	var input Object
	if err := json.NewDecoder(r.Body).Decode(&input); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.calls = append(s.calls, Call{operation, input})
	var out Object
	var fault *Fault
	if waiting := s.Faults[operation]; len(waiting) > 0 {
		fault, s.Faults[operation] = &waiting[0], waiting[1:]
	} else {
		out, fault = s.answer(operation, input)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if fault != nil {
		w.WriteHeader(fault.Status)
		out = Object{"__type": fault.Code, "message": fault.Message}
	}
	json.NewEncoder(w).Encode(out) //nolint:errcheck // a test that lost its answer fails by that
}

func (s *Server) answer(operation string, input Object) (Object, *Fault) {
	if cluster := text(input["cluster"]); cluster != "" && !slices.Contains(s.clusters, cluster) {
		return nil, &Fault{400, "ClusterNotFoundException", "Cluster not found."}
	}
	switch operation {
	case "DescribeServices":
		return s.describeServices(input)
	case "DescribeTaskDefinition":
		return s.describeTaskDefinition(input)
	case "RegisterTaskDefinition":
		return s.registerTaskDefinition(input)
	case "CreateService":
		return s.createService(input)
	case "UpdateService":
		return s.updateService(input)
	case "ListTasks":
		arns := []string{}
		for _, t := range s.Stopped {
			arns = append(arns, text(t["taskArn"]))
		}
		return Object{"taskArns": arns}, nil
	case "DescribeTasks":
		return Object{"tasks": s.Stopped}, nil
	}
	return nil, &Fault{400, "UnknownOperationException", operation}
}

func (s *Server) describeServices(input Object) (Object, *Fault) {
	name := text(input["services"].([]any)[0])
	service := s.services[name]
	if service == nil {
		return Object{"services": []any{}, "failures": []any{Object{"arn": arn + "service/" + name, "reason": "MISSING"}}}, nil
	}
	if s.lagging > 0 {
		s.lagging--
		return Object{"services": []any{s.old}, "failures": []any{}}, nil
	}
	if p := service.primary(); p != nil && p["rolloutState"] == "IN_PROGRESS" {
		if s.looks++; s.Look != nil {
			s.Look(s.looks, service)
		} else {
			service.Complete()
		}
	}
	return Object{"services": []any{service.Fields}, "failures": []any{}}, nil
}

func (s *Server) describeTaskDefinition(input Object) (Object, *Fault) {
	name := text(input["taskDefinition"])
	name = name[strings.LastIndex(name, "/")+1:]
	family, revision, numbered := strings.Cut(name, ":")
	list := s.definitions[family]
	if len(list) == 0 {
		return nil, &Fault{400, "ClientException", "Unable to describe task definition."}
	}
	n := len(list)
	if numbered {
		fmt.Sscan(revision, &n) //nolint:errcheck // a revision that is no number is the last
	}
	return Object{"taskDefinition": list[n-1], "tags": list[n-1]["-tags"]}, nil
}

// registerTaskDefinition writes the defaults in that ECS writes.
func (s *Server) registerTaskDefinition(input Object) (Object, *Fault) {
	family := text(input["family"])
	for _, c := range input["containerDefinitions"].([]any) {
		container := c.(Object)
		for name, value := range map[string]any{
			"cpu": 0, "essential": true, "environment": []any{}, "mountPoints": []any{}, "volumesFrom": []any{}, "portMappings": []any{}, "systemControls": []any{},
		} {
			if _, given := container[name]; !given {
				container[name] = value
			}
		}
		for _, p := range container["portMappings"].([]any) {
			mapping := p.(Object)
			mapping["hostPort"], mapping["protocol"] = mapping["containerPort"], "tcp"
		}
	}
	tags := input["tags"]
	if tags == nil {
		tags = []any{}
	}
	delete(input, "tags")
	n := len(s.definitions[family]) + 1
	added := Object{
		"-tags": tags, "revision": n, "taskDefinitionArn": fmt.Sprintf("%stask-definition/%s:%d", arn, family, n), "status": "ACTIVE", "volumes": []any{},
		"placementConstraints": []any{}, "compatibilities": []any{"EC2", "FARGATE"}, "registeredBy": "arn:aws:iam::123456789012:user/me",
		"registeredAt": 1700000000, "requiresAttributes": []any{Object{"name": "com.amazonaws.ecs.capability.docker-remote-api.1.18"}},
	}
	for name, value := range added {
		if _, given := input[name]; !given {
			input[name] = value
		}
	}
	s.definitions[family] = append(s.definitions[family], input)
	return Object{"taskDefinition": input, "tags": tags}, nil
}

func (s *Server) createService(input Object) (Object, *Fault) {
	name := text(input["serviceName"])
	if old := s.services[name]; old != nil && old.Fields["status"] != "INACTIVE" {
		return nil, &Fault{400, "InvalidParameterException", "Creation of service was not idempotent."}
	}
	service := &Service{Fields: Object{}, server: s}
	for key, value := range input {
		service.Fields[key] = value
	}
	service.Fields["serviceArn"], service.Fields["status"], service.Fields["events"] = arn+"service/"+text(input["cluster"])+"/"+name, "ACTIVE", []any{}
	service.Fields["deployments"], service.Fields["runningCount"], service.Fields["pendingCount"] = []any{}, 0, 0
	s.services[name] = service
	service.begin(text(input["taskDefinition"]))
	return Object{"service": service.Fields}, nil
}

func (s *Server) updateService(input Object) (Object, *Fault) {
	service := s.services[text(input["service"])]
	if service == nil {
		return nil, &Fault{400, "ServiceNotFoundException", "Service not found."}
	}
	if service.Fields["status"] != "ACTIVE" {
		return nil, &Fault{400, "ServiceNotActiveException", "Service was not ACTIVE."}
	}
	if s.lagging = s.Lag; s.lagging > 0 {
		s.old = copied(service.Fields)
	}
	if configuration := input["deploymentConfiguration"]; configuration != nil {
		service.Fields["deploymentConfiguration"] = configuration
	}
	if force, _ := input["forceNewDeployment"].(bool); force || service.Fields["taskDefinition"] != input["taskDefinition"] {
		service.begin(text(input["taskDefinition"]))
	}
	if s.lagging > 0 && !s.Known {
		s.lagging--
		return Object{"service": s.old}, nil
	}
	return Object{"service": service.Fields}, nil
}

func copied(o Object) (c Object) {
	bytes, err := json.Marshal(o)
	if err == nil {
		err = json.Unmarshal(bytes, &c)
	}
	if err != nil {
		panic(err) // an object is made of JSON
	}
	return c
}

// begin starts a deployment of a revision, as a pipeline does or a rollback.
func (s *Service) begin(revision string) Object {
	for _, d := range s.Deployments() {
		d["status"] = "ACTIVE"
	}
	s.server.next++
	s.server.looks = 0
	d := Object{
		"id": fmt.Sprintf("ecs-svc/%d", s.server.next), "status": "PRIMARY", "taskDefinition": revision, "desiredCount": s.Fields["desiredCount"],
		"runningCount": 0, "pendingCount": 0, "failedTasks": 0, "rolloutState": "IN_PROGRESS", "createdAt": 1700000000 + s.server.next,
	}
	s.Fields["taskDefinition"] = revision
	s.Fields["deployments"] = append([]any{d}, s.Fields["deployments"].([]any)...)
	return d
}

// Begin lets somebody else deploy a revision.
func (s *Service) Begin(revision string) { s.begin(revision) }

// Deployments gives the list, the newest first.
func (s *Service) Deployments() []Object {
	var list []Object
	for _, d := range s.Fields["deployments"].([]any) {
		list = append(list, d.(Object))
	}
	return list
}

func (s *Service) primary() Object {
	for _, d := range s.Deployments() {
		if d["status"] == "PRIMARY" {
			return d
		}
	}
	return nil
}

// Run says how many tasks of the newest deployment run, are pending, and failed.
func (s *Service) Run(running, pending, failed int) {
	p := s.primary()
	p["runningCount"], p["pendingCount"], p["failedTasks"] = running, pending, failed
	s.Fields["runningCount"], s.Fields["pendingCount"] = running, pending
}

// Complete ends the newest deployment well; the others are gone.
func (s *Service) Complete() {
	p := s.primary()
	p["rolloutState"], p["rolloutStateReason"] = "COMPLETED", fmt.Sprintf("ECS deployment %s completed.", p["id"])
	p["runningCount"], p["pendingCount"], s.Fields["runningCount"] = p["desiredCount"], 0, p["desiredCount"]
	s.Fields["deployments"] = []any{p}
}

// Fail trips the circuit breaker. Where there is a deployment to go back to, that becomes the newest.
func (s *Service) Fail() {
	p := s.primary()
	p["rolloutState"], p["rolloutStateReason"] = "FAILED", "ECS deployment circuit breaker: tasks failed to start."
	if list := s.Deployments(); len(list) > 1 {
		s.begin(text(list[1]["taskDefinition"]))["rolloutStateReason"] = fmt.Sprintf("ECS deployment circuit breaker: rolling back to deploymentId %s.", list[1]["id"])
	}
}

// Event adds one.
func (s *Service) Event(message string) {
	s.server.next++
	event := Object{"id": fmt.Sprintf("event-%d", s.server.next), "message": message, "createdAt": 1700000000 + s.server.next}
	s.Fields["events"] = append([]any{event}, s.Fields["events"].([]any)...)
}

func text(value any) string {
	s, _ := value.(string)
	return s
}
