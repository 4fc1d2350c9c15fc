//go:build race

package rules_test

const raced = true // memory is many times as much, and time too
