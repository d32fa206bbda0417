package sdktest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	pb "github.com/headgate-io/headgate/sdk/internal/pluginv1"
)

type modelConfig struct {
	Word  string   `json:"word"`
	Count *int     `json:"count"`
	Token string   `json:"token"`
	List  []string `json:"list"`
}

const modelSchema = `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{
	"word":{"type":"string"},"count":{"type":"integer","default":3},"token":{"type":"string","x-headgate-secret":true},
	"list":{"type":"array","items":{"type":"string"}}},"required":["word"],"additionalProperties":false}`

func (m *model) Describe(context.Context, *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	m.mu.Lock()
	m.told++
	told := m.told
	m.mu.Unlock()
	d := &pb.DescribeResponse{Name: "model", Version: "1.0.0", Sdk: "none", Kinds: []*pb.Kind{
		{Type: pb.Kind_TYPE_TRANSFORM, Name: "wrap", ConfigSchema: []byte(modelSchema), Needs: &pb.Needs{Data: true, Extensions: true}},
		{Type: pb.Kind_TYPE_PROVIDER, Name: "keys", ConfigSchema: []byte(modelSchema)},
	}}
	switch m.mode {
	case "describe-changes":
		d.Version = fmt.Sprintf("1.0.%d", told)
	case "describe-slow":
		time.Sleep(forEver)
	case "no-kinds":
		d.Kinds = nil
	case "bad-name":
		d.Kinds[0].Name = "Wrap It"
	case "schema-invalid":
		d.Kinds[0].ConfigSchema = []byte(strings.Replace(modelSchema, `"integer"`, `"whole"`, 1))
	case "schema-old":
		d.Kinds[0].ConfigSchema = []byte(strings.Replace(modelSchema, "https://json-schema.org/draft/2020-12/schema", "http://json-schema.org/draft-07/schema#", 1))
	case "default-misfit":
		d.Kinds[0].ConfigSchema = []byte(strings.Replace(modelSchema, `"default":3`, `"default":"three"`, 1))
	case "sample-misfit":
		d.Kinds[0].ConfigSchema = []byte(strings.Replace(modelSchema, `["word"]`, `["word","colour"]`, 1))
	}
	return d, nil
}

func (m *model) Health(context.Context, *pb.HealthRequest) (*pb.HealthResponse, error) {
	return &pb.HealthResponse{Ready: true}, nil
}

func (m *model) Configure(_ context.Context, r *pb.ConfigureRequest) (*pb.ConfigureResponse, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, faults := m.read(r.GetConfig())
	if m.mode == "logs-secret" {
		m.log("token is " + c.Token)
	}
	if m.mode == "tells-all" && c.Token != "" {
		faults = append(faults, &pb.Diagnostic{Text: "what a token " + c.Token + " this is"})
	}
	if m.mode == "refuses-all" || len(r.GetPolicy().GetIssuers()) == 0 && r.GetKind() == "keys" {
		faults = append(faults, &pb.Diagnostic{Text: "not today"})
	}
	if r.GetDryRun() && m.mode == "dry-blind" {
		faults = nil
	}
	if len(faults) > 0 && m.mode == "forgets" {
		delete(m.config, r.GetKind())
	}
	if len(faults) == 0 && (!r.GetDryRun() || m.mode == "dry-keeps") {
		if m.mode == "gap" {
			delete(m.config, r.GetKind())
			m.mu.Unlock()
			time.Sleep(5 * time.Millisecond)
			m.mu.Lock()
		}
		m.config[r.GetKind()] = c
	}
	return &pb.ConfigureResponse{Diagnostics: faults}, nil
}

// read finds every fault of a configuration.
func (m *model) read(text []byte) (*modelConfig, []*pb.Diagnostic) {
	var faults []*pb.Diagnostic
	fault := func(name, text string) {
		faults = append(faults, &pb.Diagnostic{Path: "/" + name, Text: text})
	}
	members := map[string]json.RawMessage{}
	if json.Unmarshal(text, &members) != nil {
		return &modelConfig{}, []*pb.Diagnostic{{Text: "want a table"}}
	}
	c := &modelConfig{}
	for name, to := range map[string]any{"word": &c.Word, "count": &c.Count, "token": &c.Token, "list": &c.List} {
		value, there := members[name]
		delete(members, name)
		switch {
		case there && json.Unmarshal(value, to) != nil:
			if m.mode == "no-path" {
				faults = append(faults, &pb.Diagnostic{Text: "something has the wrong type"})
			} else {
				fault(name, "is of the wrong type")
			}
		case !there && name == "word" && m.mode != "missing-ok":
			fault(name, "is required")
		}
	}
	for name := range members {
		switch m.mode {
		case "lenient":
		case "tells-secret":
			fault(name, "is not known in "+string(text))
		default:
			fault(name, "is not known")
		}
	}
	return c, faults
}
