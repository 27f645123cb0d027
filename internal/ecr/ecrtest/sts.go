package ecrtest

import (
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// serveSTS answers AssumeRoleWithWebIdentity, in the query protocol.
func (a *AWS) serveSTS(w http.ResponseWriter, body string) {
	form, err := url.ParseQuery(body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	call := form.Get("Action")
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, "sts "+call+" "+form.Get("RoleSessionName"))
	f, failing := a.failures[call]
	switch {
	case failing:
	case form.Get("RoleArn") != Role:
		f = failure{"AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"}
	case form.Get("WebIdentityToken") != WebToken:
		f = failure{"InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider"}
	}
	w.Header().Set("Content-Type", "text/xml")
	if f.code != "" {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>x</RequestId></ErrorResponse>`, f.code, f.message)
		return
	}
	fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
		sessionKey, SessionKey, SessionToken, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
}
