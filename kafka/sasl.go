package kafka

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
	xdg "github.com/xdg-go/scram"
)

// password returns the password as it is now.
func (s SASL) password() (string, error) {
	return SecretOrFile(s.Password, s.PasswordFile, "sasl.password-file")
}

// SecretOrFile returns a secret that is given directly or as a file, which is then read. A line's end behind
// it does not count: editors and echo leave one there. The error names the option that has the file, and the
// file; an empty file is an error, too.
func SecretOrFile(secret Secret, file, option string) (string, error) {
	if file == "" {
		return string(secret), nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", option, err)
	}
	value := strings.TrimRight(string(text), "\r\n")
	if value == "" {
		return "", fmt.Errorf("%s %s: it is empty", option, file)
	}
	return value, nil
}

// franzSASL returns what franz-go asks whenever a connection authenticates.
func (s Settings) franzSASL() (sasl.Mechanism, error) {
	scramAuth := func(context.Context) (scram.Auth, error) {
		password, err := s.SASL.password()
		return scram.Auth{User: s.SASL.Username, Pass: password}, err
	}
	switch s.SASL.Mechanism {
	case MechanismPlain:
		return plain.Plain(func(context.Context) (plain.Auth, error) {
			password, err := s.SASL.password()
			return plain.Auth{User: s.SASL.Username, Pass: password}, err
		}), s.checkPasswordFile()
	case MechanismSCRAM256:
		return scram.Sha256(scramAuth), s.checkPasswordFile()
	case MechanismSCRAM512:
		return scram.Sha512(scramAuth), s.checkPasswordFile()
	}
	tokens, err := s.newTokens()
	if err != nil {
		return nil, err
	}
	return oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
		token, err := tokens.get(ctx)
		return oauth.Auth{Token: token, Extensions: s.SASL.OAuth.Extensions}, err
	}), nil
}

// checkPasswordFile tells at once, rather than at the first connection, that it can't be read.
func (s Settings) checkPasswordFile() error {
	_, err := s.SASL.password()
	return err
}

// saramaSASL sets what Sarama asks whenever a connection authenticates.
func (s Settings) saramaSASL(c *sarama.Config) error {
	c.Net.SASL.Enable = true
	c.Net.SASL.Version = sarama.SASLHandshakeV1
	c.Net.SASL.Mechanism = sarama.SASLMechanism(s.SASL.Mechanism)
	if s.SASL.Mechanism == MechanismOAuthBearer {
		tokens, err := s.newTokens()
		if err != nil {
			return err
		}
		c.Net.SASL.TokenProvider = saramaTokens{tokens, s}
		return nil
	}
	password, err := s.SASL.password()
	if err != nil {
		return err
	}
	c.Net.SASL.User = s.SASL.Username
	c.Net.SASL.Password = password
	hash := xdg.SHA256
	if s.SASL.Mechanism == MechanismSCRAM512 {
		hash = xdg.SHA512
	}
	c.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient {
		return &saramaSCRAM{hash: hash, sasl: s.SASL}
	}
	return nil
}

// saramaSCRAM is one conversation of Sarama's with a broker.
type saramaSCRAM struct {
	hash         xdg.HashGeneratorFcn
	sasl         SASL
	conversation *xdg.ClientConversation
}

// Begin starts the conversation. It reads the password anew: the one that Sarama knows may be old.
func (c *saramaSCRAM) Begin(user, _, authzID string) error {
	password, err := c.sasl.password()
	if err != nil {
		return err
	}
	client, err := c.hash.NewClient(user, password, authzID)
	if err != nil {
		return fmt.Errorf("preparing SCRAM: %w", err)
	}
	c.conversation = client.NewConversation()
	return nil
}

// Step answers the broker.
func (c *saramaSCRAM) Step(challenge string) (string, error) {
	return c.conversation.Step(challenge)
}

// Done reports whether the conversation is over.
func (c *saramaSCRAM) Done() bool { return c.conversation.Done() }

// saramaTokens gives Sarama its tokens.
type saramaTokens struct {
	tokens   *tokens
	settings Settings
}

// Token returns a token that is valid now. Sarama gives no context; the token's own time-out
// limits the wait.
func (t saramaTokens) Token() (*sarama.AccessToken, error) {
	token, err := t.tokens.get(context.Background())
	if err != nil {
		return nil, err
	}
	return &sarama.AccessToken{
		Token:      token,
		Extensions: t.settings.SASL.OAuth.Extensions,
	}, nil
}
