namespace Lur.Models;

/// <summary>What a model has seen and what it has forgotten, as its file says in its metadata. The lists themselves lie beside the
/// file; the hashes tell whether they are the right ones.</summary>
public sealed record ModelHistory
{
    /// <summary>Value of <see cref="ValidationSha256"/> for a model that was trained without a validation part.</summary>
    public const string NoValidation = "none";

    /// <summary>Fingerprint of the training data; null where the file does not say.</summary>
    public string? DataSha256 { get; init; }

    /// <summary>Hash of the list of samples that validated the training; <see cref="NoValidation"/> without such a part, null where
    /// the file does not say.</summary>
    public string? ValidationSha256 { get; init; }

    /// <summary>Hash of the list of all samples that the model has forgotten, or was trained without; null where there are none.</summary>
    public string? ForgottenSha256 { get; init; }
}
