namespace Lur;

/// <summary>The text of an option is none that the option takes: no number where there has to be one, a specification that cannot be
/// read. A front end exits as it does for an option it does not know.</summary>
public class BadUsageException : UserErrorException
{
    /// <summary>Creates the error from its sentence.</summary>
    /// <param name="message">One sentence: the option, its text, what it takes.</param>
    public BadUsageException(string message)
        : base(message) { }

    /// <summary>Creates the error from its sentence and the exception that revealed it.</summary>
    /// <param name="message">One sentence: the option, its text, what it takes.</param>
    /// <param name="cause">The exception that revealed it; kept for logs, never shown to a user.</param>
    public BadUsageException(string message, Exception? cause)
        : base(message, cause) { }
}
