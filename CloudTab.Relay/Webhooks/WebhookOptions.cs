using Microsoft.Extensions.Configuration;

namespace CloudTab.Relay;

/// <summary>Where webhooks may lead.</summary>
public sealed class WebhookOptions
{
    /// <summary>
    /// Whether webhooks may lead to loopback, link-local and private addresses, and over plain HTTP (WEBHOOKS_TO_PRIVATE_ADDRESSES, default
    /// false). For development, and for a relay whose shops are on its own network: a webhook then reaches whatever the Notifier does.
    /// </summary>
    [ConfigurationKeyName("WEBHOOKS_TO_PRIVATE_ADDRESSES")]
    public bool ToPrivateAddresses { get; set; }
}
