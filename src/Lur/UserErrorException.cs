namespace Lur;

/// <summary>
/// Something the user gave (a file, an option, a folder) cannot be used as it is. <see cref="Exception.Message"/> is one
/// sentence that names the thing, where it is wrong (file and offset, line or name), what was expected, and the remedy
/// when there is one. A front end prints the message alone, without a stack trace, and exits with a non-zero code.
/// </summary>
/// <remarks>Every reader in Lur turns every defect of its input into this exception and into no other.</remarks>
public class UserErrorException : Exception
{
    /// <summary>Creates the error from its sentence.</summary>
    /// <param name="message">One sentence: the thing, the place, the expectation, the remedy.</param>
    public UserErrorException(string message)
        : base(message) { }

    /// <summary>True where the text of an option is none that the option takes: no number where there has to be one, a specification
    /// that cannot be read. A front end exits as it does for an option it does not know.</summary>
    public bool IsUsage { get; init; }

    /// <summary>True where losses or gradients were not finite: the numbers ran away, and other options may keep them.</summary>
    public bool IsDivergence { get; init; }

    /// <summary>True where more memory would be needed than was allowed, or there is.</summary>
    public bool IsMemory { get; init; }

    /// <summary>Creates the error from its sentence and the exception that revealed it.</summary>
    /// <param name="message">One sentence: the thing, the place, the expectation, the remedy.</param>
    /// <param name="cause">The exception that revealed the defect; kept for logs, never shown to a user.</param>
    public UserErrorException(string message, Exception? cause)
        : base(message, cause) { }
}
