package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/sentinel-protocol/sentinel/server/config"
	"github.com/sentinel-protocol/sentinel/server/local"
)

func operatorCommand() *cobra.Command {
	root := &cobra.Command{Use: "operator", Short: "Look after who works in the console, on the machine itself"}
	read := atDesk(root)

	add := &cobra.Command{
		Use:   "add NAME",
		Short: "Add an operator; a link to choose a password with is printed, good once and for 24 hours",
		Args:  cobra.ExactArgs(1),
	}
	role := add.Flags().String("role", "viewer", "`viewer`, analyst or admin")
	given := add.Flags().Bool("password-stdin", false, "take the password from standard input instead of printing a link")
	add.RunE = func(c *cobra.Command, args []string) (err error) {
		r := local.Request{Do: local.AddOperator, Name: args[0], Role: *role}
		if *given {
			if r.Password, err = newPasswordFor(c, args[0]); err != nil {
				return err
			}
		}
		a, err := desk(c, read, r)
		if err != nil {
			return err
		}
		return show(c, a, func(w io.Writer) {
			fmt.Fprintf(w, "%s is an operator: %s\n", a.Operators[0].Name, a.Operators[0].Role)
			if a.Link != "" {
				fmt.Fprintf(w, "Good once and for 24 hours, to choose a password: %s\n", a.Link)
			}
		})
	}

	passwd := &cobra.Command{
		Use:   "passwd NAME",
		Short: "Give an operator a new password and end the sessions; it is asked for, or read from standard input",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			password, err := newPasswordFor(c, args[0])
			if err != nil {
				return err
			}
			a, err := desk(c, read, local.Request{Do: local.SetPassword, Name: args[0], Password: password})
			if err != nil {
				return err
			}
			return show(c, a, func(w io.Writer) { fmt.Fprintf(w, "%s has a new password\n", args[0]) })
		},
	}
	remove := &cobra.Command{
		Use:   "remove NAME",
		Short: "Remove an operator and end the sessions; the last admin stays",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			a, err := desk(c, read, local.Request{Do: local.RemoveOperator, Name: args[0]})
			if err != nil {
				return err
			}
			return show(c, a, func(w io.Writer) { fmt.Fprintf(w, "%s is no operator any more\n", args[0]) })
		},
	}
	list := &cobra.Command{
		Use:   "list",
		Short: "List operators",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			a, err := desk(c, read, local.Request{Do: local.ListOperators})
			if err != nil {
				return err
			}
			return show(c, a, func(w io.Writer) {
				fmt.Fprintln(w, "NAME\tROLE\tLAST SEEN")
				for _, o := range a.Operators {
					never := "never"
					if !o.HasPassword {
						never = "has not chosen a password yet"
					}
					fmt.Fprintf(w, "%s\t%s\t%s\n", o.Name, o.Role, when(o.Seen, never))
				}
			})
		},
	}
	root.AddCommand(add, passwd, remove, list)
	return root
}

func tokenCommand() *cobra.Command {
	root := &cobra.Command{Use: "token", Short: "Look after what lets programs in, on the machine itself"}
	read := atDesk(root)

	create := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a token for a program; it is printed once",
		Args:  cobra.ExactArgs(1),
	}
	role := create.Flags().String("role", "viewer", "`viewer`, analyst or admin")
	var holds span
	create.Flags().Var(&holds, "for", "how long it holds, as 30d; 0: until it is revoked")
	create.RunE = func(c *cobra.Command, args []string) error {
		a, err := desk(c, read, local.Request{Do: local.CreateToken, Name: args[0], Role: *role, For: time.Duration(holds)})
		if err != nil {
			return err
		}
		return show(c, a, func(w io.Writer) { fmt.Fprintln(w, a.Secret) })
	}
	revoke := &cobra.Command{
		Use:   "revoke ID",
		Short: "End a token, by its ID or its name",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			a, err := desk(c, read, local.Request{Do: local.RevokeToken, ID: args[0]})
			if err != nil {
				return err
			}
			return show(c, a, func(w io.Writer) { fmt.Fprintf(w, "%s lets nobody in any more\n", args[0]) })
		},
	}
	list := &cobra.Command{
		Use:   "list",
		Short: "List tokens",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			a, err := desk(c, read, local.Request{Do: local.ListTokens})
			if err != nil {
				return err
			}
			return show(c, a, func(w io.Writer) {
				fmt.Fprintln(w, "ID\tNAME\tROLE\tBEGINS WITH\tLAST USED\tEXPIRES")
				for _, t := range a.Tokens {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, t.Name, t.Role, t.Prefix, when(t.Used, "never"), when(t.Expires, "never"))
				}
			})
		},
	}
	root.AddCommand(create, revoke, list)
	return root
}

func decisionsCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "decisions",
		Short: "List, make and lift decisions on the machine itself, past the console",
		Long: "List, make and lift decisions on the machine itself, past the console.\nA Sentinel that runs on the data directory enforces them for the very next request; " +
			"others on the same PostgreSQL hear of them through Redis, or at their next start.",
	}
	read := atDesk(root)

	list := &cobra.Command{
		Use:   "list",
		Short: "List the decisions in force",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			a, err := desk(c, read, local.Request{Do: local.ListDecisions})
			if err != nil {
				return err
			}
			return showDecisions(c, a)
		},
	}
	add := &cobra.Command{
		Use:   "add TARGET...",
		Short: "Block, allow or monitor addresses or networks",
		Args:  cobra.MinimumNArgs(1),
	}
	action := add.Flags().String("action", "block", "`block`, allow or monitor")
	long := span(24 * time.Hour)
	add.Flags().Var(&long, "for", "how long, as 12h or 30d; 0: until it is lifted")
	reason := add.Flags().String("reason", "", "why")
	add.RunE = func(c *cobra.Command, args []string) error {
		a, err := desk(c, read, local.Request{Do: local.AddDecision, Targets: args, Action: *action, For: time.Duration(long), Reason: *reason})
		if err != nil {
			return err
		}
		return showDecisions(c, a)
	}
	lift := &cobra.Command{
		Use:   "lift TARGET...",
		Short: "Lift decisions, by their reference, their target, or an address that they keep out",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			a, err := desk(c, read, local.Request{Do: local.LiftDecisions, Targets: args})
			if err != nil {
				return err
			}
			return show(c, a, func(w io.Writer) {
				for _, d := range a.Decisions {
					fmt.Fprintf(w, "lifted %s: %s %s\n", d.ID, d.Action, d.Target)
				}
			})
		},
	}
	root.AddCommand(list, add, lift)
	return root
}

// A span is a duration as it is written in the settings, days too.
type span time.Duration

func (s *span) String() string { return config.Span(time.Duration(*s)) }
func (*span) Type() string     { return "duration" }

func (s *span) Set(text string) error {
	d, err := config.ParseSpan(text)
	*s = span(d)
	return err
}

func showDecisions(c *cobra.Command, a local.Answer) error {
	return show(c, a, func(w io.Writer) {
		fmt.Fprintln(w, "REFERENCE\tACTION\tTARGET\tUNTIL\tREFUSED SINCE\tBY\tREASON")
		for _, d := range a.Decisions {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s %s\t%s\n", d.ID, d.Action, d.Target, when(d.Until, "lifted"), hammered(d.Hammering), d.Origin, d.By, plain(d.Reason))
		}
	})
}

// hammered is how often a decision refused, and when last.
func hammered(h *local.Hammering) string {
	if h == nil {
		return "-"
	}
	return fmt.Sprintf("%d, last %s", h.Requests, when(h.Last, "never"))
}

// plain is text of strangers without what a terminal would obey.
func plain(s string) string {
	out := []rune(s)
	for i, r := range out {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			out[i] = '\uFFFD'
		}
	}
	return string(out)
}
