package sdktest

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/internal/pluginv1"
)

// canary is a secret that must not be seen again.
const canary = "canary-5b1f0c7e93d24a68"

func trySecrets(ctx context.Context, x *subject) error {
	tried := false
	err := x.with(ctx, func(p *process) error {
		err := x.each(func(k *pluginv1.Kind) error {
			s, err := readSchema(k.GetConfigSchema())
			if err != nil {
				return err
			}
			config, ok := s.secrets(x.config(k), canary)
			if !ok {
				return nil
			}
			tried = true
			for _, c := range []string{config, changed(config, unknownMember, `1`)} {
				r := x.configuration(k)
				r.Config = []byte(c)
				found, err := p.configure(ctx, r)
				if err != nil {
					return err
				}
				if strings.Contains(told(found), canary) {
					return errors.New("a diagnostic shows a secret")
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if logs := p.finalLogs(ctx); strings.Contains(logs, canary) {
			return errors.New("the log shows a secret")
		}
		return nil
	})
	if err == nil && !tried {
		return inapplicable("no kind has a member with " + sdk.SecretKeyword)
	}
	return err
}

// redact takes the secrets of the author's own configurations out of a report: a
// plugin that shows them is at fault, and the report is not to be.
func (x *subject) redact(text string) string {
	list := []string{canary}
	for _, k := range x.description.GetKinds() {
		s, err := readSchema(k.GetConfigSchema())
		if err != nil {
			continue // so nobody knows what is secret, and no kind is configured
		}
		list = append(list, s.secretsOf(x.config(k))...)
	}
	for _, secret := range list {
		if len(secret) < minSecret {
			continue
		}
		inner := strings.Trim(strconv.Quote(secret), `"`)
		text = strings.NewReplacer(secret, "[redacted]", inner, "[redacted]").Replace(text)
		for n := len(inner) - 1; n >= minSecret; n-- { // what quoted has cut
			text = strings.ReplaceAll(text, inner[:n]+cutMark, "[redacted]"+cutMark)
		}
	}
	return text
}

// minSecret is the fewest bytes that are looked for: a shorter secret is none,
// and would stand in the report by chance.
const minSecret = 4

// secretsOf are the secrets that a configuration holds.
func (s *schema) secretsOf(config string) []string {
	var members map[string]json.RawMessage
	_ = json.Unmarshal([]byte(config), &members) // one that is no object holds none
	var list []string
	for name, value := range members {
		var secret string
		if s.property(name).Secret && json.Unmarshal(value, &secret) == nil && secret != "" {
			list = append(list, secret)
		}
	}
	return list
}
