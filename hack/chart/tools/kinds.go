// Package chart imports the kinds of others that the chart makes objects of; controller-gen writes their schemas.
package chart

import _ "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
