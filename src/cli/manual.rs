//! What explains the program to editors, shells and people: `schema`, `completions`, `man`.

use clap::CommandFactory;
use clap_complete::Shell;
use liftsweep::config;
use liftsweep::problem::Error;

use super::Outcome;
use super::arguments::Arguments;

fn failed(error: std::io::Error) -> Error {
    Error::machine("write", "standard output".as_ref())(error)
}

/// The JSON Schema of the scenario file.
pub(crate) fn schema() -> Outcome {
    let text =
        serde_json::to_string_pretty(&config::schema()).map_err(|error| failed(error.into()))?;
    Ok(format!("{text}\n"))
}

/// The completion script of a shell.
pub(crate) fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "liftsweep", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The manual page, every command in it.
pub(crate) fn man() -> Outcome {
    let mut command = Arguments::command();
    command.build();
    let mut page = Vec::new();
    let manual = clap_mangen::Man::new(command.clone());
    // Without its list of commands, which refers to pages of their own: they are sections of this one.
    manual.render_title(&mut page).map_err(failed)?;
    manual.render_name_section(&mut page).map_err(failed)?;
    manual.render_synopsis_section(&mut page).map_err(failed)?;
    manual
        .render_description_section(&mut page)
        .map_err(failed)?;
    manual.render_options_section(&mut page).map_err(failed)?;
    for sub in command
        .get_subcommands()
        .filter(|sub| sub.get_name() != "help")
    {
        let title = format!("COMMAND {}", sub.get_name().to_uppercase());
        page.extend_from_slice(format!(".SH \"{title}\"\n").as_bytes());
        let of_command = clap_mangen::Man::new(sub.clone());
        let mut part = Vec::new();
        of_command
            .render_synopsis_section(&mut part)
            .map_err(failed)?;
        of_command
            .render_description_section(&mut part)
            .map_err(failed)?;
        of_command
            .render_options_section(&mut part)
            .map_err(failed)?;
        // Its sections are parts of one here.
        page.extend_from_slice(
            String::from_utf8_lossy(&part)
                .replace(".SH ", ".SS ")
                .as_bytes(),
        );
    }
    let mut end = Vec::new();
    manual.render_extra_section(&mut end).map_err(failed)?;
    manual.render_version_section(&mut end).map_err(failed)?;
    let end = String::from_utf8_lossy(&end).replace(".SH EXTRA", ".SH \"EXIT STATUS\"");
    page.extend_from_slice(end.as_bytes());
    Ok(String::from_utf8_lossy(&page).into_owned())
}
