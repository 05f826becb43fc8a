"""lstchain_create_dl3_file, of events that were read before."""

from typing import Any

from astropy.io import fits
from lstchain.high_level import create_event_list
from lstchain.paths import run_info_from_filename
from lstchain.tools.lstchain_create_dl3_file import DataReductionFITSWriter

from foa_dl3_maker.events import RunEvents, refuse_none


class Reduction(DataReductionFITSWriter):  # type: ignore[misc]  # lstchain has no types
    """The tool without its reading, which takes 1.8 GiB per million events.

    Steps and results are those of the tool for an analysis that does not depend on the source.
    """

    def __init__(self, run: RunEvents, **settings: Any) -> None:
        super().__init__(**settings)
        self.run_events = run

    def start(self) -> None:
        """Apply filters and cuts, and make the HDUs.

        Raises
        ------
        NothingLeft
            If no event is left; the tool by itself fails with an IndexError.
        """
        run = self.run_events
        self.data, self.data_params = run.selected, run.pointing
        if self.use_irf_interpolation:
            self.interp_irfs()
        self.check_energy_dependent_cuts()
        self.apply_srcindep_gh_cut()
        refuse_none(self.data, self.input_dl2)
        self.hdulist = fits.HDUList(
            [fits.PrimaryHDU(), *self._event_list(run), *self.irf_final_hdu[1:]]
        )

    def _event_list(self, run: RunEvents) -> Any:
        """Return the HDUs of events, good time intervals and pointing."""
        return create_event_list(
            data=self.data,
            run_number=run_info_from_filename(self.input_dl2)[1],
            source_name=self.source_name,
            source_pos=self.source_pos,
            effective_time=run.effective_time.value,
            elapsed_time=run.elapsed_time.value,
            data_pars=self.data_params,
        )
