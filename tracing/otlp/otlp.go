package otlp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"refold/tracing"
)

// Settings says where spans go. Zero fields but Endpoint take their default.
type Settings struct {
	// Endpoint is the collector's URL: http://host:4318. Without a path, /v1/traces is meant.
	Endpoint string
	// Headers go along with every request: a key of the collector's, as a rule.
	Headers map[string]string
	// ServiceName and Version say whose spans they are; "refold", and nothing.
	ServiceName, Version string
	// SampleRatio is the share of traces that begin here and are kept: 0 to 1. Of traces that begin
	// elsewhere, their beginning decides.
	SampleRatio float64
	// Queue is how many spans wait at most, some 5 KiB each; 2048. More are dropped.
	Queue int
	// Batch is how many go out at once; 512.
	Batch int
	// Interval is how long a span waits for others; 1 s.
	Interval time.Duration
	// Timeout limits a request; 5 s.
	Timeout time.Duration

	Registerer prometheus.Registerer
	Logger     *slog.Logger
}

// Provider makes tracers. It must be shut down.
type Provider struct {
	provider *sdk.TracerProvider
	exporter *countingExporter
	idle     func()
}

// New makes a provider. It doesn't talk to the collector yet.
func New(s Settings) (*Provider, error) {
	setDefault(&s.ServiceName, "refold")
	setDefault(&s.Queue, 2048)
	setDefault(&s.Batch, min(512, s.Queue))
	setDefault(&s.Interval, time.Second)
	setDefault(&s.Timeout, 5*time.Second)
	if s.Endpoint == "" || s.Logger == nil || s.Registerer == nil ||
		s.SampleRatio < 0 || s.SampleRatio > 1 || s.Batch > s.Queue {
		return nil, errors.New("otlp: Endpoint, Registerer and Logger must be set, SampleRatio be " +
			"0 to 1, and Batch no more than Queue")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	endpoint, err := tracesURL(s.Endpoint)
	if err != nil {
		return nil, err
	}
	options := []otlptracehttp.Option{
		otlptracehttp.WithEndpointURL(endpoint),
		otlptracehttp.WithHTTPClient(&http.Client{Transport: transport, Timeout: s.Timeout}),
		// A batch that failed is lost: the next one shows whether the collector is back.
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: false}),
	}
	if len(s.Headers) > 0 {
		options = append(options, otlptracehttp.WithHeaders(s.Headers))
	}
	sink, err := otlptracehttp.New(context.Background(), options...)
	if err != nil {
		return nil, fmt.Errorf("otlp: %w", err)
	}
	exporter, err := newCountingExporter(sink, s)
	if err != nil {
		return nil, err
	}
	attributes := []attribute.KeyValue{attribute.String("service.name", s.ServiceName)}
	if s.Version != "" {
		attributes = append(attributes, attribute.String("service.version", s.Version))
	}
	return &Provider{
		provider: sdk.NewTracerProvider(
			sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(s.SampleRatio))),
			sdk.WithResource(resource.NewSchemaless(attributes...)),
			sdk.WithSpanProcessor(&boundedProcessor{
				SpanProcessor: sdk.NewBatchSpanProcessor(exporter,
					sdk.WithMaxQueueSize(s.Queue), sdk.WithMaxExportBatchSize(s.Batch),
					sdk.WithBatchTimeout(s.Interval), sdk.WithExportTimeout(s.Timeout)),
				exporter: exporter, most: int64(s.Queue),
			}),
		),
		exporter: exporter, idle: transport.CloseIdleConnections,
	}, nil
}

// Tracer returns what makes our spans.
func (p *Provider) Tracer() trace.Tracer { return p.provider.Tracer(tracing.Name) }

// Shutdown sends what waits, until ctx ends; the rest is lost then, and counted.
func (p *Provider) Shutdown(ctx context.Context) error {
	stop := context.AfterFunc(ctx, p.exporter.abandon)
	defer stop()
	defer p.exporter.abandon()
	// Not ctx: it returns as soon as the exporter has been abandoned, and leaves nothing running.
	err := p.provider.Shutdown(context.WithoutCancel(ctx))
	p.idle()
	p.exporter.report()
	if ctx.Err() != nil {
		err = errors.Join(err, fmt.Errorf("send the last spans: %w", ctx.Err()))
	}
	return err
}

func setDefault[T comparable](value *T, byDefault T) {
	var zero T
	if *value == zero {
		*value = byDefault
	}
}
