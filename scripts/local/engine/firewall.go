package engine

import (
	"bytes"
	"fmt"
	"os/exec"
	"regexp"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/programs"
)

// removeRules deletes the firewall rules of containers whose engine was killed: an
// engine that ends in order has none left.
func removeRules(id string) error {
	save, err := programs.Find("iptables-save")
	if err != nil {
		return nil // then nothing has made rules
	}
	saved, err := exec.Command(save).Output()
	if err != nil {
		return fmt.Errorf("listing firewall rules: %w", err)
	}
	script := staleRules(string(saved), networkName(id))
	if script == "" {
		return nil
	}
	restore, err := programs.Find("iptables-restore")
	if err != nil {
		return err
	}
	cmd := exec.Command(restore, "--noflush", "--wait", "10")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("deleting firewall rules of containers that are gone: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

var (
	ruleSource = regexp.MustCompile(`^-A POSTROUTING -s (\S+) .*-j (\S+)$`)
	ruleHost   = regexp.MustCompile(`^-A CNI-FORWARD -[sd] (\S+) `)
)

// staleRules turns the output of iptables-save into input for iptables-restore
// that deletes what CNI's plugins have made for a network: the bridge plugin's
// chain per container, which carries the network's name, and the firewall
// plugin's rules for that container's address, which do not.
func staleRules(saved, network string) string {
	mark := `--comment "name: \"` + network + `\" `
	nat, hosts := staleChains(saved, mark)
	var filter []string
	for line := range strings.Lines(saved) {
		line = strings.TrimSpace(line)
		if match := ruleHost.FindStringSubmatch(line); match != nil && hosts[match[1]] {
			filter = append(filter, deletion(line))
		}
	}
	return table("nat", nat) + table("filter", filter)
}

// staleChains are the commands for table nat, and the containers' addresses.
func staleChains(saved, mark string) (commands []string, hosts map[string]bool) {
	hosts = map[string]bool{}
	var chains []string
	for line := range strings.Lines(saved) {
		line = strings.TrimSpace(line)
		match := ruleSource.FindStringSubmatch(line)
		if match == nil || !strings.Contains(line, mark) {
			continue
		}
		hosts[match[1]] = true
		chains = append(chains, match[2])
		commands = append(commands, deletion(line))
	}
	for _, chain := range chains {
		commands = append(commands, "-F "+chain, "-X "+chain)
	}
	return commands, hosts
}

func deletion(rule string) string { return "-D" + strings.TrimPrefix(rule, "-A") }

func table(name string, commands []string) string {
	if len(commands) == 0 {
		return ""
	}
	return "*" + name + "\n" + strings.Join(commands, "\n") + "\nCOMMIT\n"
}
