package bases

import "context"

// MicrosoftAnswers says, in under 3 s, whether mcr.microsoft.com is to be had
// from this machine.
func MicrosoftAnswers(ctx context.Context) bool { return microsoftAnswers(ctx) }
